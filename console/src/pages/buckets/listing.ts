// Pages of a listing. A bucket may hold millions: one page is held at a time, and the token of the next.

/** An object or a folder, as one row. */
export type Entry =
  | { kind: "folder"; prefix: string }
  | { kind: "object"; key: string; bytes: number; modified: string; etag: string };

export type Page = { entries: Entry[]; next: string | null };

/** In the order of the store, folders and objects together, as bytes compare. */
export function merged(folders: string[], objects: Extract<Entry, { kind: "object" }>[]): Entry[] {
  const all: Entry[] = [...folders.map((prefix): Entry => ({ kind: "folder", prefix })), ...objects];
  return byName(all, nameOf);
}

/** As bytes compare; what has one name stays in the order it came in. */
export function byName<T>(rows: readonly T[], nameOf: (row: T) => string): T[] {
  return rows
    .map((row) => ({ row, name: new TextEncoder().encode(nameOf(row)) }))
    .sort((one, other) => compare(one.name, other.name))
    .map(({ row }) => row);
}

export function nameOf(entry: Entry): string {
  return entry.kind === "folder" ? entry.prefix : entry.key;
}

function compare(one: Uint8Array, other: Uint8Array): number {
  const least = Math.min(one.length, other.length);
  for (let at = 0; at < least; at += 1) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}
