// Repair: what it would take, doing it now, and what the sites say in the end.

import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import type { RepairPlan, RepairState, Waiting } from "../../api/types";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { bytes, count, counted, dollars } from "../../ui/format";
import { Empty, Facts, Failure, Load, Panel, Progress, State, sentence } from "../../ui/parts";
import { useOver, useRun } from "./run";

interface Props {
  changed: () => Promise<unknown>;
}

export function Repair({ changed }: Props) {
  const { session } = useSession();
  if (session.sees_all) return <OfAll changed={changed} />;
  return (
    <Panel title="Repair">
      <div className="stack">
        <p className="muted">What is below its promise is brought up by itself as soon as sites allow.</p>
        <Empty title="Not told at this label">A repair is of all labels together: what it would take and how far it is are told to whoever sees all of them, who can ask for one.</Empty>
      </div>
    </Panel>
  );
}

function OfAll({ changed }: Props) {
  const { api } = useSession();
  const run = useRun<RepairState>("/repairs", (state) => !state.over);
  const running = run.data !== undefined && !run.data.over;
  const plan = useDocument<RepairPlan>("/repair-plan", { every: 10 });
  const [open, setOpen] = useState(false);
  const [beyond, setBeyond] = useState(false);
  const look = () => Promise.all([plan.refresh(), changed()]);
  useOver(running, look);
  const begin = async () => {
    await api.post("/repairs", { beyond_budget: beyond });
    // A short one is over by now, and was never seen running.
    await run.refresh();
    await look();
  };
  return (
    <Panel title="Repair" aside={running ? <State kind="busy">Running</State> : undefined}>
      <div className="stack">
        <p className="muted">What is below its promise is brought up by itself as soon as sites allow. A repair that is asked for does so now, and then compares every site’s listing with the catalog.</p>
        <Load of={plan}>{(plan) => <Planned plan={plan} />}</Load>
        {run.error && <Failure problem={run.error} />}
        {run.data && <Repaired state={run.data} />}
        <div>
          <Button size="xs" variant="default" onClick={() => setOpen(true)} disabled={running}>
            Repair now
          </Button>
        </div>
      </div>
      <Confirm open={open} close={() => setOpen(false)} title="Repair now" deed="Repair" act={begin} ready={plan.data !== undefined}>
        <Load of={plan}>{(plan) => <Planned plan={plan} />}</Load>
        <p>In the end every site’s listing is compared with the catalog, which takes a request for each thousand pieces.</p>
        <Checkbox label="Go on when the day’s dollars are spent" checked={beyond} onChange={(event) => setBeyond(event.currentTarget.checked)} />
      </Confirm>
    </Panel>
  );
}

function Planned({ plan }: { plan: RepairPlan }) {
  const { work } = plan;
  if (work.segments === 0 && plan.waiting === 0) return <State kind="ok">Nothing is below its promise</State>;
  return (
    <section className="plan" aria-label="Plan of a repair">
      <ul>
        {plan.by_spare.map(({ spare, work }) => (
          <li key={spare}>
            <strong>{counted(work.segments, "segment")}</strong> {spare < 0 ? "with too few pieces to be read" : spare === 0 ? "that would be lost with one more vendor" : `with ${spare} to spare`}
          </li>
        ))}
      </ul>
      <Facts
        of={[
          ["Pieces", count(work.pieces)],
          ["Read", bytes(work.bytes_read)],
          ["Written", bytes(work.bytes_written)],
          ["Requests", count(work.requests)],
          ["Cost at list prices", dollars(work.dollars)],
        ]}
      />
      <Waits of={plan.waits} />
    </section>
  );
}

function Repaired({ state }: { state: RepairState }) {
  const { compared } = state;
  return (
    <div className="stack">
      {!state.over && <Progress label={state.segments >= state.of ? "Comparing with the sites’ listings" : "Segments"} done={state.segments} total={state.of} text={`${count(state.segments)} of ${count(state.of)}`} />}
      {state.failed && <p className="bad-text">The last one failed: {sentence(state.failed)}</p>}
      {state.over && !state.failed && (
        <p role="status">
          {state.left === 0 ? <State kind="ok">Done</State> : <State kind="warn">{`${counted(state.left, "segment")} left`}</State>} {counted(state.work.pieces, "piece")} written, {bytes(state.work.bytes_written)},{" "}
          {dollars(state.work.dollars)}.
        </p>
      )}
      {/* What waited for somebody else who did it waits no more. */}
      {(!state.over || state.left > 0) && <Waits of={state.waits} />}
      {compared && (
        <p>
          {counted(compared.pieces, "piece")} at {counted(compared.sites, "site")} compared: {compared.missing === 0 ? "none is missing" : `${count(compared.missing)} missing`}
          {compared.restored > 0 && `, ${count(compared.restored)} restored`}.
        </p>
      )}
      {compared?.not_asked.map(({ site, why }) => (
        <p key={site}>
          {site} was not asked: {why}.
        </p>
      ))}
    </div>
  );
}

function Waits({ of }: { of: Waiting[] }) {
  return of.map(({ segments, why }) => (
    <p key={why}>
      {counted(segments, "segment")} {segments === 1 ? "waits" : "wait"} for {why}.
    </p>
  ));
}
