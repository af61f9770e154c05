// Numbers as people read them. Units are decimal, as vendors bill them.

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];

export function bytes(count: number | null | undefined): string {
  if (count == null || !Number.isFinite(count)) return "–";
  let [value, unit] = [count, 0];
  while (Math.abs(value) >= 999.5 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  if (unit === 0) return count === 1 ? "1 byte" : `${count} bytes`;
  return `${value.toPrecision(Math.abs(value) >= 9.95 ? 3 : 2)} ${UNITS[unit]}`;
}

export function count(value: number | null | undefined): string {
  return value == null ? "–" : value.toLocaleString("en-US");
}

/** `3 objects`, `1 object`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

export function dollars(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value === 0) return "$0";
  if (Math.abs(value) < 0.01) return `$${small(value)}`;
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** Parts of a cent: two digits that count, written out. */
function small(value: number): string {
  const digits = Math.min(9, 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(digits).replace(/0+$/, "");
}

export function millis(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value >= 9_995) return `${(value / 1000).toFixed(0)} s`;
  if (value >= 999.5) return `${(value / 1000).toFixed(1)} s`;
  return `${value === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(1)} ms`;
}

export function percent(part: number): string {
  if (part > 0 && part < 0.001) return "< 0.1 %";
  if (part < 1 && part > 0.999) return "> 99.9 %";
  return `${(part * 100).toFixed(part === 0 || part === 1 ? 0 : 1)} %`;
}

/** `12 s`, `3 min`, `5 h`, `2 days`. */
export function duration(seconds: number): string {
  const value = Math.max(0, seconds);
  if (value < 99.5) return `${Math.round(value)} s`;
  if (value < 99.5 * 60) return `${Math.round(value / 60)} min`;
  if (value < 47.5 * 3600) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86_400)} days`;
}

/** How long ago; `never` and nothing are told as they are. */
export function age(at: string | null | undefined, now = Date.now()): string {
  if (at == null || at === "") return "–";
  const then = Date.parse(at);
  if (Number.isNaN(then)) return at;
  const seconds = (now - then) / 1000;
  return seconds < 0 ? `in ${duration(-seconds)}` : seconds < 2 ? "just now" : `${duration(seconds)} ago`;
}

/** The moment itself, in UTC as in logs. */
export function moment(at: string): string {
  const then = new Date(at);
  return Number.isNaN(then.getTime()) ? at : then.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}
