// Compaction of the journal: small neighbours are sealed anew as one.

import { Button } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import type { Compacted, CompactionState } from "../../api/types";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { bytes, count, counted } from "../../ui/format";
import { Facts, Failure, Load, Panel, State, sentence } from "../../ui/parts";
import { useRun } from "./run";

export function Compaction() {
  const { api } = useSession();
  const run = useRun<CompactionState>("/compactions", (state) => !state.over);
  const running = run.data !== undefined && !run.data.over;
  const plan = useDocument<Compacted>("/compaction-plan", { every: 60 });
  const [open, setOpen] = useState(false);
  const begin = async () => {
    await api.post("/compactions");
    await Promise.all([run.refresh(), plan.refresh()]);
  };
  return (
    <Panel title="Journal" aside={running ? <State kind="busy">Compacting</State> : undefined}>
      <div className="stack">
        <p className="muted">Every change lies in the journal at the sites. Small neighbours are sealed anew as one segment every hour, of whatever lies in closed writer epochs.</p>
        <Load of={plan}>{(plan) => (plan.segments === 0 ? <p>There is nothing to compact now.</p> : <Sums of={plan} />)}</Load>
        {run.error && <Failure problem={run.error} />}
        {run.data && (
          <p role="status">
            {run.data.failed ? `The last one failed: ${sentence(run.data.failed)}` : `${running ? "So far" : "The last one"}: ${counted(run.data.done.segments, "segment")} replaced by ${count(run.data.done.into)}.`}
          </p>
        )}
        <div>
          <Button size="xs" variant="default" onClick={() => setOpen(true)} disabled={running || !plan.data || plan.data.segments === 0}>
            Compact now
          </Button>
        </div>
      </div>
      <Confirm open={open} close={() => setOpen(false)} title="Compact the journal" deed="Compact" act={begin}>
        <Load of={plan}>{(plan) => <Sums of={plan} />}</Load>
        <p>What is replaced is deleted at the sites by the sweep, after the grace of a day.</p>
      </Confirm>
    </Panel>
  );
}

function Sums({ of }: { of: Compacted }) {
  return (
    <section className="plan" aria-label="Plan of a compaction">
      <Facts
        of={[
          ["Segments", `${count(of.segments)} become ${count(of.into)}`],
          ["What they hold", bytes(of.live_bytes)],
          ["What they take", bytes(of.stored_bytes)],
          ["Runs left for later", count(of.waiting)],
        ]}
      />
    </section>
  );
}
