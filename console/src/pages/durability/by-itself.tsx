// What goes by itself: pieces that no record names, and what lifecycle rules make due. It is asked for by its button
// alone, since either plan lists much.

import { Button } from "@mantine/core";
import { useState } from "react";

import { useSession } from "../../session";
import { useDeed } from "../../ui/deed";
import { count, counted } from "../../ui/format";
import { Age, Empty, Failure, Panel } from "../../ui/parts";
import { Table } from "../../ui/table";
import { Name } from "../buckets/Name";
import type { LifecyclePlan, SweepPlan } from "./documents";

interface Plans {
  sweep: SweepPlan;
  lifecycle: LifecyclePlan;
  /** When they came. */
  at: string;
}

export function ByItself() {
  const { api } = useSession();
  const [plans, setPlans] = useState<Plans | null>(null);
  const { busy, problem, submit } = useDeed(async () => {
    const [sweep, lifecycle] = await Promise.all([api.get<SweepPlan>("/sweep-plan"), api.get<LifecyclePlan>("/lifecycle-plan")]);
    setPlans({ sweep, lifecycle, at: new Date().toISOString() });
  });
  return (
    <Panel
      title="What goes by itself"
      wide
      aside={
        plans && (
          <>
            asked <Age at={plans.at} />
          </>
        )
      }
    >
      <div className="stack">
        <p className="muted">
          Every hour a sweep deletes at the sites what no record has named for a day, and what the lifecycle rules of buckets make due goes. What the next rounds would do is told when it is asked for:
          it takes a listing of every site that answers, and a walk through every bucket with rules.
        </p>
        <div>
          <Button size="xs" variant="default" onClick={submit} loading={busy}>
            See what would go now
          </Button>
        </div>
        {problem && <Failure problem={problem} title="What would go is not known" />}
        <div className="stack" aria-live="polite">
          {plans && (
            <>
              <Swept plan={plans.sweep} />
              <Due plan={plans.lifecycle} />
            </>
          )}
        </div>
      </div>
    </Panel>
  );
}

export function Swept({ plan: { sites, waiting } }: { plan: SweepPlan }) {
  return (
    <section className="plan stack" aria-label="Plan of a sweep">
      <Table
        caption="Pieces that a sweep would delete"
        rows={sites}
        name={({ site }) => site}
        empty={<Empty title="No piece is to be deleted">Pieces that no record names are left by writes that broke off, and by data that was deleted, moved or compacted.</Empty>}
        columns={[
          { head: "Site", cell: ({ site }) => site },
          { head: "Pieces to delete", numeric: true, cell: ({ pieces }) => count(pieces) },
        ]}
      />
      {waiting > 0 && (
        <p>
          {counted(waiting, "piece")} more {waiting === 1 ? "is" : "are"} named by no record, and {waiting === 1 ? "its" : "their"} grace is not over.
        </p>
      )}
    </section>
  );
}

/** Keys are the owners' business: they are counted. */
export function Due({ plan: { rows, more } }: { plan: LifecyclePlan }) {
  return (
    <section className="plan stack" aria-label="Plan of the lifecycle rules">
      <Table
        caption="What lifecycle rules make due"
        rows={rows}
        name={({ label, bucket, rule }) => `${label} ${bucket} ${rule}`}
        empty={<Empty title="No rule makes anything due">The rules of a bucket remove objects, older versions and unfinished uploads when their days are over. Its owners set them on the bucket’s page.</Empty>}
        columns={[
          { head: "Bucket", cell: ({ bucket }) => bucket, by: ({ bucket }) => bucket },
          { head: "Label", cell: ({ label }) => label, by: ({ label }) => label },
          { head: "Rule", cell: ({ rule }) => <Name of={rule} wrap />, by: ({ rule }) => rule },
          { head: "Expired", numeric: true, cell: ({ expired }) => count(expired), by: ({ expired }) => expired },
          { head: "Removed", numeric: true, cell: ({ removed }) => count(removed), by: ({ removed }) => removed },
          { head: "Uploads ended", numeric: true, cell: ({ aborted }) => count(aborted), by: ({ aborted }) => aborted },
        ]}
      />
      {more && <p>There may be more, which the next rounds do.</p>}
    </section>
  );
}
