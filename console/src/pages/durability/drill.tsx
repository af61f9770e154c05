// The rebuild drill: how it is run, and what the last one came to.

import { count, counted } from "../../ui/format";
import { Age, Code, Empty, Failure, Panel, State, sentence } from "../../ui/parts";
import { Table } from "../../ui/table";
import type { Drill as Last } from "./documents";
import { useRun } from "./run";

export function Drill() {
  const last = useRun<Last>("/drills", () => false);
  return (
    <Panel title="Rebuild drill">
      <div className="stack">
        <p>
          A drill rebuilds the catalog out of the sites and the root key into one that is thrown away, beside the running program, and compares the two row by row. It needs
          the root key, so it is run on the machine itself; what it came to stands here afterwards.
        </p>
        {last.none && <Empty title="None was made on this data directory" />}
        {last.error && <Failure problem={last.error} />}
        {last.data && <Drilled of={last.data} />}
        <Code label="command of the drill" text="entente rebuild --drill" />
        <p className="muted">
          What it takes is told by <code>entente rebuild --plan</code>. It fails if anything differs, and says in which tables.
        </p>
      </div>
    </Panel>
  );
}

function Drilled({ of }: { of: Last }) {
  const odd = (of.tables ?? []).filter(({ missing, unknown }) => missing > 0 || (unknown > 0 && of.differs));
  return (
    <div className="stack" role="status">
      <p>
        The last one: <Age at={of.at} />. {verdict(of)}
      </p>
      {of.failed && <p className="bad-text">{sentence(of.failed)}</p>}
      {(of.silent_sites ?? []).length > 0 && <p>Done without {(of.silent_sites ?? []).join(" and ")}, which did not answer.</p>}
      {of.quiet === false && !of.failed && <p className="muted">It was written to meanwhile: what came and went in between is not counted.</p>}
      {odd.length > 0 && (
        <Table
          caption="Tables that differ"
          rows={odd}
          name={({ table }) => table}
          columns={[
            { head: "Table", cell: ({ table }) => table },
            { head: "Same", numeric: true, cell: ({ same }) => count(same) },
            { head: "Missing", numeric: true, cell: ({ missing }) => count(missing) },
            { head: "Unknown", numeric: true, cell: ({ unknown }) => count(unknown) },
          ]}
        />
      )}
    </div>
  );
}

function verdict(of: Last) {
  if (of.failed) return <State kind="warn">It broke off</State>;
  if (of.differs === undefined) return "What it came to is told to whoever sees all labels.";
  if (of.differs) return <State kind="bad">A rebuild would not bring back what there is</State>;
  return <State kind="ok">{`${counted(of.objects ?? 0, "object")} came back as they are`}</State>;
}
