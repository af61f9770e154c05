// The role matrix as the server tells it, read with a doubt: one of a newer server may say more.

export interface Table {
  /** `same`, `below`, …, where the bucket lies; of duties, `duties`. */
  name: string;
  what: string;
  columns: string[];
  rows: { name: string; cells: string[] }[];
}

export interface Matrix {
  duties: Table | null;
  data: Table[];
}

export function readMatrix(document: unknown): Matrix {
  const { duties, data } = (document ?? {}) as { duties?: unknown; data?: unknown };
  return {
    duties: table("duties", "Duty", duties),
    data: (Array.isArray(data) ? data : []).flatMap((one: { label?: unknown }) => table(String(one?.label ?? ""), "Action", one) ?? []),
  };
}

function table(name: string, what: string, of: unknown): Table | null {
  const { columns, rows } = (of ?? {}) as { columns?: unknown; rows?: unknown };
  if (!texts(columns) || !Array.isArray(rows)) return null;
  const read = rows.flatMap((row: { name?: unknown; cells?: unknown }) => (typeof row?.name === "string" && texts(row.cells) ? [{ name: row.name, cells: row.cells }] : []));
  return { name, what, columns, rows: read };
}

function texts(of: unknown): of is string[] {
  return Array.isArray(of) && of.every((one) => typeof one === "string");
}
