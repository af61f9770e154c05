// What can be done about a site: each says first what follows from it.

import { useEffect, useState } from "react";

import { type Problem, unanswered } from "../../api/problem";
import type { EvacuationPlan, Site } from "../../api/types";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { bytes, count, counted, dollars } from "../../ui/format";
import { Facts, Failure } from "../../ui/parts";
import { otherWay, shiftInWords } from "./evacuation";

interface Props {
  site: Site;
  open: boolean;
  close: () => void;
  changed: () => Promise<void>;
}

export function Suspend({ site, open, close, changed }: Props) {
  const set = useSet(site, "suspended", changed);
  return (
    <Confirm open={open} close={close} title={`Suspend ${site.name}`} deed="Suspend" act={set}>
      <p>Nothing new is stored at {site.name}, and only what is nowhere else is read from it. What lies there stays, and still counts.</p>
      <p>What is written meanwhile goes to the other sites. It can be taken back at any time.</p>
    </Confirm>
  );
}

export function Activate({ site, open, close, changed }: Props) {
  const set = useSet(site, "active", changed);
  return (
    <Confirm open={open} close={close} title={`Use ${site.name} again`} deed="Use it again" act={set}>
      <p>{site.name} takes reads and writes again.</p>
      {site.state === "draining" && <p>The evacuation ends where it is: what was brought away stays where it is now.</p>}
    </Confirm>
  );
}

export function Evacuate({ site, open, close, changed }: Props) {
  const { api, session } = useSession();
  const [plan, setPlan] = useState<EvacuationPlan | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const set = useSet(site, "draining", changed);
  useEffect(() => {
    if (!open || !session.sees_all) return;
    let gone = false;
    setPlan(null);
    setProblem(null);
    api.post<EvacuationPlan>("/evacuation-plan", { sites: [site.name] }).then(
      (plan) => !gone && setPlan(plan),
      (error: unknown) => !gone && setProblem(unanswered(error)),
    );
    return () => void (gone = true);
  }, [open, api, session, site.name]);
  return (
    <Confirm open={open} close={close} title={`Evacuate ${site.name}`} deed="Evacuate" word={site.name} danger ready={plan !== null} act={set}>
      <p>
        Everything that lies at {site.name} is brought to other sites, proven to be there, and then counts there alone. {site.name} takes nothing new from now on.
      </p>
      {problem && <Failure problem={problem} title="There is no plan for this" />}
      {!session.sees_all && <p>Its plan is of all labels together, and is told to whoever sees all of them: an evacuation is begun by one of those.</p>}
      {session.sees_all && !plan && !problem && (
        <p role="status" className="loading">
          Working out the plan …
        </p>
      )}
      {plan && <Plan of={plan} />}
    </Confirm>
  );
}

function Plan({ of }: { of: EvacuationPlan }) {
  const { work } = of;
  const other = otherWay(work.dollars, of.dearer_dollars);
  return (
    <section className="plan" aria-label="Plan">
      <Facts
        of={[
          ["Copied from there", counted(of.copied, "segment")],
          ["Computed from others", counted(of.computed, "segment")],
          ["Coded anew", counted(of.recoded, "segment")],
          ["Pieces", count(work.pieces)],
          ["Read", bytes(work.bytes_read)],
          ["Written", bytes(work.bytes_written)],
          ["Requests", count(work.requests)],
          ["Cost at list prices", dollars(work.dollars)],
          ...other.facts,
        ]}
      />
      {other.why && <p className="muted">{other.why}</p>}
      {of.shifts.length > 0 && (
        <ul className="stack" aria-label="How it lies then">
          {of.shifts.map((shift) => {
            const { text, fewer } = shiftInWords(shift);
            return (
              <li key={text} className={fewer ? "note" : undefined}>
                {text}.
              </li>
            );
          })}
        </ul>
      )}
      {of.waits.map(({ segments, why }) => (
        <p key={why}>
          {counted(segments, "segment")} will wait for {why}.
        </p>
      ))}
      <p className="muted">It goes on in the background and across restarts, and can be stopped at any time with “Use it again”.</p>
    </section>
  );
}

function useSet(site: Site, state: "active" | "suspended" | "draining", changed: () => Promise<void>) {
  const { api } = useSession();
  return async () => {
    await api.post("/site-states", { sites: [site.name], state });
    await changed();
  };
}
