// Bytes by how many more vendors they can lose, from the durability ledger.

import type { Overview } from "../../api/types";
import { bytes, count, percent } from "../../ui/format";
import { Empty } from "../../ui/parts";

export function Promise({ rows, counted }: { rows: Overview["promise"]; counted: boolean }) {
  const sorted = [...rows].filter(({ objects }) => objects > 0).sort((one, other) => other.spare - one.spare);
  const all = sorted.reduce((sum, row) => sum + row.bytes, 0);
  const objects = sorted.reduce((sum, row) => sum + row.objects, 0);
  if (!counted) return <Empty title="Not counted yet">What is stored is counted about once a minute.</Empty>;
  if (objects === 0) {
    return <Empty title="Nothing was stored when it was last counted">Once something is, this says how many more vendors could vanish before any of it is lost.</Empty>;
  }
  const part = (row: { bytes: number; objects: number }) => (all > 0 ? row.bytes / all : row.objects / objects);
  return (
    <div className="stack">
      <div className="bar" aria-hidden="true">
        {sorted.map((row) => (
          <span key={row.spare} className={`bar-part ${tone(row.spare)}`} style={{ flexGrow: Math.max(part(row), 0.006) }} />
        ))}
      </div>
      <table className="table promise">
        <caption className="unseen">Stored bytes by how many more vendors they can lose</caption>
        <thead>
          <tr>
            <th scope="col">Can lose</th>
            <th scope="col" className="num">
              Part
            </th>
            <th scope="col" className="num">
              Bytes
            </th>
            <th scope="col" className="num">
              Objects and versions
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={row.spare}>
              <th scope="row">
                <span className={`key ${tone(row.spare)}`} aria-hidden="true" /> {words(row.spare)}
              </th>
              <td className="num">{percent(part(row))}</td>
              <td className="num">{bytes(row.bytes)}</td>
              <td className="num">{count(row.objects)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function words(spare: number): string {
  if (spare < 0) return "cannot be read now";
  if (spare === 0) return "no more vendor";
  return `${spare} more ${spare === 1 ? "vendor" : "vendors"}`;
}

/** Of a number of vendors that may yet be lost. */
export function tone(spare: number): string {
  return spare < 0 ? "tone-bad" : spare === 0 ? "tone-warn" : spare === 1 ? "tone-one" : "tone-ok";
}
