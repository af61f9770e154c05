// What a scrub would ask of the sites, before it begins.

import { useEffect, useState } from "react";

import { type Problem, unanswered } from "../../api/problem";
import { useSession } from "../../session";
import { bytes, count, dollars } from "../../ui/format";
import { Facts, Failure, State } from "../../ui/parts";
import { Table } from "../../ui/table";
import type { ScrubPlan, SiteScrub } from "./documents";

export interface Planned {
  plan?: ScrubPlan;
  problem?: Problem;
}

/** The plan of this scrub; of `null` there is none. What was asked before and comes late is not taken. */
export function usePlan(wanted: { sites: string[]; depths: string[] } | null): Planned {
  const { api } = useSession();
  const asked = wanted && JSON.stringify(wanted);
  const [planned, setPlanned] = useState<Planned>({});
  useEffect(() => {
    setPlanned({});
    if (asked === null) return;
    let late = false;
    api
      .post<ScrubPlan>("/scrub-plan", JSON.parse(asked) as object)
      .then((plan) => !late && setPlanned({ plan }))
      .catch((error: unknown) => !late && setPlanned({ problem: unanswered(error) }));
    return () => void (late = true);
  }, [api, asked]);
  return planned;
}

/** `beyond`: whether it goes on when the day's budget is spent. */
export function Plan({ of: { plan, problem }, beyond }: { of: Planned; beyond: boolean }) {
  if (problem) return <Failure problem={problem} title="What it would take is not known" />;
  if (!plan) return <p role="status">Counting what it would take…</p>;
  const short = plan.sites.filter((site) => !site.within_budget);
  return (
    <section className="plan stack" aria-label="Plan of a scrub">
      <Table
        caption="What it would ask of each site"
        rows={plan.sites}
        name={({ site }) => site}
        columns={[
          { head: "Site", cell: ({ site }) => site },
          { head: "Requests", numeric: true, cell: ({ total }) => count(total.requests) },
          { head: "Read", numeric: true, cell: ({ total }) => bytes(total.bytes) },
          { head: "Dollars", numeric: true, cell: ({ total }) => dollars(total.dollars) },
          { head: "The day’s budget", cell: (site) => <Budget of={site} /> },
        ]}
      />
      <Facts
        of={[
          ["In all at most", `${count(plan.total.requests)} requests, ${bytes(plan.total.bytes)} read, ${dollars(plan.total.dollars)} at list prices`],
          ["A site and a day may take", `${count(plan.budget.requests)} requests, ${bytes(plan.budget.bytes)}, ${dollars(plan.budget.dollars)}`],
        ]}
      />
      {short.length > 0 && !beyond && <p>What the day’s budget does not pay for is left out.</p>}
    </section>
  );
}

function Budget({ of }: { of: SiteScrub }) {
  if (of.is_out) return <State kind="off">Out: not asked</State>;
  return of.within_budget ? <State kind="ok">Pays for it</State> : <State kind="warn">Too small</State>;
}
