// Who may do what: the table that decides, as the server has it.

import { Select } from "@mantine/core";

import { useDocument } from "../../api/documents";
import { usePlace } from "../../router";
import { useSession } from "../../session";
import { Load, Page, Panel } from "../../ui/parts";
import { Scroll } from "../../ui/table";
import classes from "../buckets/buckets.module.css";
import { ROLES, roleName } from "./documents";
import { inWords, readMatrix, type Matrix, type Table } from "./matrix";

export function RolesPage() {
  const document = useDocument<unknown>("/role-matrix");
  return (
    <Page title="Who may do what" lead="Duties through the API by role, and rights to data by what a mission owner is to a bucket. No role has two sides of one thing.">
      <Panel title="Roles">
        <dl className="facts">
          {ROLES.map((one) => (
            <div key={one.role}>
              <dt>{one.name}</dt>
              <dd>{one.does}</dd>
            </div>
          ))}
        </dl>
      </Panel>
      <Load of={document}>{(it) => <Shown of={readMatrix(it)} />}</Load>
    </Page>
  );
}

function Shown({ of }: { of: Matrix }) {
  const { session } = useSession();
  const { query, turn } = usePlace();
  const data = of.data.find((one) => one.name === query.get("bucket")) ?? of.data[0];
  return (
    <>
      {of.duties && (
        <Panel title="Duties" aside={session.role ? `yours are those of a ${roleName(session.role)}` : undefined}>
          <Grid table={of.duties} caption="Duties by role" own={session.role} head={roleName} />
        </Panel>
      )}
      {data && (
        <Panel title="Data" aside="of a mission owner; every other role is refused all of it">
          <div className="stack">
            <Select
              label="Of a bucket"
              data={of.data.map((one) => ({ value: one.name, label: WHERE[one.name] ?? one.name }))}
              value={data.name}
              onChange={(value) => turn({ bucket: value })}
              allowDeselect={false}
            />
            <Grid table={data} caption={`A bucket whose label is ${data.name}`} own={null} head={(name) => name} />
          </div>
        </Panel>
      )}
    </>
  );
}

const WHERE: Record<string, string> = { same: "at the session’s label", below: "below it", above: "above it", beside: "beside it" };

function Grid({ table, caption, own, head }: { table: Table; caption: string; own: string | null; head: (name: string) => string }) {
  return (
    <Scroll label={caption}>
      <table className={`${classes.matrix} cards`} role="table">
        <caption className="unseen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th scope="col" role="columnheader">
              {table.what}
            </th>
            {table.columns.map((column) => (
              <th key={column} scope="col" role="columnheader" className={column === own ? classes.own : undefined}>
                {head(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {table.rows.map((row) => (
            <tr key={row.name} role="row">
              <th scope="row" role="rowheader">
                {inWords(row.name) ?? row.name}
                {inWords(row.name) && <code className={classes.word}>{row.name}</code>}
              </th>
              {row.cells.map((cell, index) => (
                <td key={table.columns[index]} role="cell" data-label={head(table.columns[index] ?? "")} className={table.columns[index] === own ? classes.own : undefined}>
                  <span className={cell === "yes" ? classes.yes : classes.no}>{cell === "yes" ? "yes" : cell || "no"}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
