// A scrub that is asked for: where, how deep, how far it is, and what it found.

import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import type { ScrubState, Sites } from "../../api/types";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { count, counted, dollars } from "../../ui/format";
import { Bytes, Empty, Facts, Failure, Panel, State, sentence } from "../../ui/parts";
import { Plan, usePlan } from "./plan";
import { useOver, useRun } from "./run";

const DEPTHS = [
  { name: "inventory", says: "compare each site’s listing with the catalog" },
  { name: "heads", says: "ask for the length and checksum of pieces" },
  { name: "cells", says: "read cells of pieces and prove them" },
];

export function Scrub({ changed }: { changed: () => Promise<unknown> }) {
  const { api, session } = useSession();
  const run = useRun<ScrubState>("/scrubs", (state) => state.running);
  const sites = useDocument<Sites>("/sites");
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const [depths, setDepths] = useState<string[]>([]);
  const [beyond, setBeyond] = useState(false);
  const running = run.data?.running ?? false;
  const planned = usePlan(open && session.sees_all ? { sites: chosen, depths } : null);

  useOver(running, changed);
  const begin = async () => {
    await api.post("/scrubs", { sites: chosen, depths, beyond_budget: beyond });
    await run.refresh();
  };
  const toggle = (list: string[], name: string) => (list.includes(name) ? list.filter((other) => other !== name) : [...list, name]);
  return (
    <Panel title="Scrub" aside={running ? <State kind="busy">Running</State> : undefined}>
      <div className="stack">
        <p className="muted">Every site is listed once a day and every piece read within thirty days, within the budget of [scrub]. A scrub that is asked for does so now.</p>
        {run.none && <Empty title="None was asked for since the start" />}
        {run.error && <Failure problem={run.error} />}
        {run.data && <Scrubbed state={run.data} />}
        <div>
          <Button size="xs" variant="default" onClick={() => setOpen(true)} disabled={running}>
            Begin a scrub
          </Button>
        </div>
      </div>
      <Confirm open={open} close={() => setOpen(false)} title="Begin a scrub" deed="Begin" act={begin} ready={!session.sees_all || planned.plan !== undefined}>
        <fieldset>
          <legend>Sites: all, unless some are chosen</legend>
          <div className="row">
            {(sites.data?.sites ?? []).map(({ name }) => (
              <Checkbox key={name} label={name} checked={chosen.includes(name)} onChange={() => setChosen(toggle(chosen, name))} />
            ))}
          </div>
        </fieldset>
        <fieldset>
          <legend>Depths: all three, unless some are chosen</legend>
          <div className="stack">
            {DEPTHS.map(({ name, says }) => (
              <Checkbox key={name} label={name} description={says} checked={depths.includes(name)} onChange={() => setDepths(toggle(depths, name))} />
            ))}
          </div>
        </fieldset>
        <Checkbox label="Go on when the day’s budget is spent" checked={beyond} onChange={(event) => setBeyond(event.currentTarget.checked)} />
        {session.sees_all ? <Plan of={planned} beyond={beyond} /> : <p className="muted">What it would ask of each site is told to whoever sees all labels.</p>}
      </Confirm>
    </Panel>
  );
}

function Scrubbed({ state }: { state: ScrubState }) {
  const found = Object.entries(state.found ?? {});
  return (
    <div className="stack">
      {state.running ? (
        <p role="status">Now: {state.at || "beginning"}</p>
      ) : state.failed ? (
        <p className="bad-text">The last one failed: {sentence(state.failed)}</p>
      ) : (
        <p role="status">
          The last one is over{state.looked_at === undefined ? ": what it looked at is told to whoever sees all labels, and what it found at yours stands among the findings." : "."}
        </p>
      )}
      {state.looked_at !== undefined && (
        <Facts
          of={[
            ["Looked at", counted(state.looked_at, "piece")],
            ["Proven", count(state.proven)],
            ["Requests", count(state.requests)],
            ["Read", <Bytes key="bytes" of={state.bytes} />],
            ["Cost at list prices", dollars(state.dollars)],
          ]}
        />
      )}
      {state.looked_at !== undefined &&
        (found.length > 0 ? (
          <p>
            <State kind="bad">Found</State> {found.map(([fault, times]) => `${count(times)} ${fault}`).join(", ")}: see the findings.
          </p>
        ) : (
          !state.running && !state.failed && <State kind="ok">Found nothing wrong</State>
        ))}
      {state.stopped?.map(({ site, depth, why }) => (
        <p key={`${site} ${depth}`}>
          {site}, {depth}: not to the end, as {why}.
        </p>
      ))}
    </div>
  );
}
