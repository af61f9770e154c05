// How a bucket's bytes are spread, and another way: planned, then moved while it is in use.

import { Button, Radio } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import { Link, type Params } from "../../router";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { bytes, count, counted, dollars } from "../../ui/format";
import { Age, Code, Empty, Facts, Load, Panel, State } from "../../ui/parts";
import { Table } from "../../ui/table";
import { Label } from "../people/Label";
import { BucketPage, useBucket } from "./BucketPage";
import { PROFILES, movesInWords, offered, type DataMoves, type MovePlan } from "./documents";
import { useLoaded } from "./loaded";
import { toBucket } from "./paths";

export function Placement({ params }: { params: Params }) {
  const name = params.bucket ?? "";
  const { may } = useSession();
  const { bucket, refresh } = useBucket(name);
  const profile = bucket?.profile ?? null;
  const about = PROFILES.find((one) => one.name === profile);
  return (
    <BucketPage name={name} bucket={bucket} at="placement">
      <Panel title="Profile">
        {profile === null ? (
          <Empty title="Not known here">There is no such bucket for this session, or nothing is known of it yet.</Empty>
        ) : (
          <Facts
            of={[
              ["Profile", profile],
              ["Code", about?.code ?? "–"],
              ["Survives the loss of", about?.survives ?? "–"],
              ["Takes", about?.size ?? "–"],
            ]}
          />
        )}
      </Panel>
      {may("Keep") ? (
        <Moving bucket={name} profile={profile} told={refresh} />
      ) : (
        <Panel title="Another profile">
          <p>A platform operator can move the bucket to another profile while it is in use.</p>
        </Panel>
      )}
    </BucketPage>
  );
}

/** What is being moved to another profile, and what was. */
export function MovesPanel({ bucket }: { bucket?: string }) {
  const moves = useDocument<DataMoves>("/data-moves", { every: 3 });
  return (
    <Panel title="Moves">
      <Load of={moves}>
        {(told) => {
          const rows = told.moves.filter((move) => bucket === undefined || move.bucket === bucket);
          const running = rows.some((move) => !move.done);
          return (
            <div className="stack">
              <Table
                caption="Moves of data"
                rows={rows}
                name={(row) => `${row.label} ${row.bucket} ${row.asked}`}
                empty={<Empty title="Nothing was moved yet">A move goes on across restarts until a walk over everything finds nothing to do.</Empty>}
                columns={[
                  { head: "Bucket", cell: (row) => <Link to={toBucket(row.bucket, "placement")}>{row.bucket}</Link>, find: (row) => row.bucket },
                  { head: "Label", cell: (row) => <Label of={row.label} />, find: (row) => row.label, minor: true },
                  { head: "To", cell: (row) => row.profile, find: (row) => row.profile },
                  { head: "Asked", cell: (row) => <Age at={row.asked} /> },
                  { head: "State", cell: (row) => (row.done ? <State kind="ok">done</State> : <State kind="busy">moving</State>), find: (row) => (row.done ? "done" : "moving") },
                ]}
              />
              {running && (
                <div role="status">
                  {movesInWords(told).map((line) => (
                    <p key={line}>{line}</p>
                  ))}
                </div>
              )}
            </div>
          );
        }}
      </Load>
    </Panel>
  );
}

function Moving({ bucket, profile, told }: { bucket: string; profile: string | null; told: () => Promise<void> }) {
  const { api } = useSession();
  const [wanted, setWanted] = useState<string | null>(null);
  const [open, setOpen] = useState(false);
  const to = wanted ?? profile ?? "";
  const plan = useLoaded<MovePlan>(open ? to : null, () => api.post<MovePlan>("/data-move-plan", { bucket, profile: to }));
  const about = PROFILES.find((one) => one.name === to);
  return (
    <>
      <Panel title="Another profile">
        <div className="stack">
          <Radio.Group label="Move it to" value={to} onChange={setWanted}>
            <div className="stack">
              {offered(profile).map((one) => (
                <Radio key={one.name} value={one.name} label={`${one.name} (${one.code})${one.name === profile ? ", as now" : ""}`} description={`Survives ${one.survives}; takes ${one.size}; needs ${one.needs}`} />
              ))}
            </div>
          </Radio.Group>
          <div>
            <Button onClick={() => setOpen(true)} disabled={to === ""}>
              {to === profile ? "Plan: bring all to where it should lie" : `Plan the move to ${to}`}
            </Button>
          </div>
          <p className="muted">Another number of copies, up to eight, is asked for on the command line:</p>
          <Code label="command for four copies" text={`entente bucket move-data ${bucket} --profile mirror-4`} />
        </div>
      </Panel>
      <MovesPanel bucket={bucket} />
      <Confirm
        open={open}
        title={`Move ${bucket} to ${to}`}
        deed="Move it"
        word={bucket}
        ready={plan.data !== undefined}
        act={async () => {
          await api.post("/data-moves", { bucket, profile: to });
          await told();
        }}
        close={() => setOpen(false)}
      >
        <Load of={plan}>
          {(it) => (
            <div className="stack">
              <p>
                New writes follow {to} at once: each survives the loss of {about?.survives ?? "as many vendors as it says"}. What lies there moves while it is read and written.
              </p>
              <Facts
                of={[
                  ["Coded anew", counted(it.recoded, "segment")],
                  ["Copies added or let go", counted(it.copies, "segment")],
                  ["Well as they are", counted(it.well, "segment")],
                  ["Kept higher, as copies share them", counted(it.shared, "segment")],
                  ["Read", bytes(it.work.bytes_read)],
                  ["Written", bytes(it.work.bytes_written)],
                  ["Requests", count(it.work.requests)],
                  ["At list prices", dollars(it.work.dollars)],
                  ["Stored now", bytes(it.stored_bytes)],
                  ["Stored then", bytes(it.stored_bytes_after)],
                ]}
              />
              {it.waits.map((wait) => (
                <p key={wait.why} className="note">
                  {counted(wait.segments, "segment")} would wait for {wait.why}.
                </p>
              ))}
            </div>
          )}
        </Load>
      </Confirm>
    </>
  );
}
