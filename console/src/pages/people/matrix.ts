// The role matrix as the server tells it, turned into tables; read with a doubt, as one of a newer server may say more.

export interface Table {
  /** Where the bucket lies: `same`, `below`, …; of duties, `duties`. */
  name: string;
  what: string;
  columns: string[];
  rows: { name: string; cells: string[] }[];
}

export interface Matrix {
  duties: Table | null;
  data: Table[];
}

/** `GET /role-matrix`. */
interface Told {
  roles?: string[];
  duties?: { duty: string; roles: string[] }[];
  actions?: { action: string; label: string; outcomes: Record<string, string> }[];
}

/** What one is to a bucket, the most first. */
const STANDS = ["owner", "manage", "write", "read", "stranger"];

export function readMatrix(document: unknown): Matrix {
  const { roles, duties, actions } = (document ?? {}) as Told;
  const labels = new Map<string, Table>();
  for (const { action, label, outcomes } of Array.isArray(actions) ? actions : []) {
    const stands = Object.keys(outcomes ?? {});
    const columns = [...STANDS.filter((stand) => stands.includes(stand)), ...stands.filter((stand) => !STANDS.includes(stand))];
    const table = labels.get(label) ?? { name: label, what: "Action", columns, rows: [] };
    table.rows.push({ name: action, cells: table.columns.map((column) => outcomes[column] ?? "") });
    labels.set(label, table);
  }
  if (!Array.isArray(roles) || !Array.isArray(duties)) return { duties: null, data: [...labels.values()] };
  const rows = duties.map((duty) => ({ name: duty.duty, cells: roles.map((role) => (duty.roles.includes(role) ? "yes" : "")) }));
  return { duties: { name: "duties", what: "Duty", columns: roles, rows }, data: [...labels.values()] };
}
