// The few signs the console uses, drawn here: lines of 24 by 24 units. Each stands beside a word.

const PATHS = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM14 4v3h6V4zM4 20h6v-3H4z",
  sites: "M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.5C5 14.8 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  durability: "M12 3l8 3v6c0 4.5-3.3 7.9-8 9-4.7-1.1-8-4.5-8-9V6zM8.5 12l2.5 2.5 4.5-5",
  buckets: "M4 7c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 7l2 12c.2 1 2.8 2 6 2s5.8-1 6-2l2-12",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.4c2.1.8 3.5 2.9 3.5 5.6",
  labels: "M3 12V4h8l9.5 9.5-8 8zM7.5 8.5h.01",
  keys: "M14.5 13.5a5 5 0 1 0-4-4L3 17v4h4v-2.5h2.5V16H12zM16 8h.01",
  releases: "M12 15V4M8 8l4-4 4 4M4 14v5c0 .6.4 1 1 1h14c.6 0 1-.4 1-1v-5",
  explain: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.3 9.3c.3-1.4 1.4-2.3 2.8-2.3 1.6 0 2.8 1 2.8 2.5 0 2-2.9 2.3-2.9 4.2M12 17h.01",
  matrix: "M4 4h16v16H4zM4 9.5h16M4 14.8h16M9.5 4v16M14.8 4v16",
  ok: "M5 12.5l4.5 4.5L19 7.5",
  warn: "M12 4l9 16H3zM12 10v4.5M12 17.3h.01",
  bad: "M6 6l12 12M18 6L6 18",
  off: "M6 12h12",
  busy: "M12 3a9 9 0 1 0 9 9",
  menu: "M4 6h16M4 12h16M4 18h16",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 21a9 9 0 1 0 0-18zM12 3a9 9 0 0 1 0 18z",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  right: "M9 6l6 6-6 6",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  folder: "M3 6h6l2 2h10v11H3z",
  plus: "M12 5v14M5 12h14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  download: "M12 4v11M8 11l4 4 4-4M4 20h16",
  upload: "M12 15V4M8 8l4-4 4 4M4 20h16",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  out: "M14 4h5v16h-5M4 12h10M10 8l4 4-4 4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.8} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
