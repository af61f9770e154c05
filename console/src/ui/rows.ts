// Rows of a table: found by what is typed, and put in order.

/** Names that a field offers at once: a browser is slow with thousands, and the others are found by typing. */
export const OFFERED_MAX = 100;

export type Value = string | number | null | undefined;

/** RFC 3339. */
const MOMENT = /^\d{4}-\d\d-\d\dT/;
const LETTERS = new Intl.Collator("en", { numeric: true });

/** Those in one of whose values this stands, in small letters or large. */
export function matching<Row>(rows: Row[], values: ((row: Row) => Value)[], typed: string): Row[] {
  const wanted = typed.trim().toLowerCase();
  if (wanted === "") return rows;
  return rows.filter((row) => values.some((value) => holds(value(row), wanted)));
}

/** Figures have every digit somewhere: they are not looked at, and moments by how they begin, as in `2026-11`. */
function holds(value: Value, wanted: string): boolean {
  if (typeof value !== "string") return false;
  const text = value.toLowerCase();
  return MOMENT.test(value) ? text.startsWith(wanted) : text.includes(wanted);
}

/** What is not known comes last in either direction's first half: it is the smallest. */
export function sorted<Row>(rows: Row[], by: (row: Row) => Value, down: boolean): Row[] {
  const keyed = rows.map((row) => ({ row, key: by(row) }));
  return keyed.sort((one, other) => order(one.key, other.key) * (down ? -1 : 1)).map(({ row }) => row);
}

function order(one: Value, other: Value): number {
  if (one == null || other == null) return Number(one != null) - Number(other != null);
  return typeof one === "number" && typeof other === "number" ? one - other : LETTERS.compare(String(one), String(other));
}
