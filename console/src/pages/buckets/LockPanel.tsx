// What keeps a version from being deleted: a retention until a day, and a legal hold.

import { Button, Radio, TextInput } from "@mantine/core";
import { useState } from "react";

import { Problem } from "../../api/problem";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { moment } from "../../ui/format";
import { Empty, Load, Panel, State } from "../../ui/parts";
import { useLoaded } from "./loaded";
import { lockDefault, setHold, setRetention, type Head, type Retention } from "./s3";

interface Props {
  bucket: string;
  objectKey: string;
  version: string | null;
  head: Head;
  mayWrite: boolean;
  refresh: () => void;
}

export function LockPanel({ bucket, objectKey, version, head, mayWrite, refresh }: Props) {
  const { s3 } = useSession();
  const [retaining, setRetaining] = useState(false);
  const [holding, setHolding] = useState(false);
  const rule = useLoaded(bucket, async () => ({ lockable: (await lockDefault(s3, bucket)) !== undefined }));
  return (
    <Panel title="Lock">
      <Load of={rule} quiet={(problem) => (problem.status === 403 ? <Empty title="Locks are not for this session to see" /> : undefined)}>
        {({ lockable }) =>
          !lockable ? (
            <Empty title="Nothing is locked in this bucket">Object lock is switched on for a bucket under “Versions and rules”.</Empty>
          ) : (
            <div className="stack">
              <div className="row">
                {head.lock ? (
                  <State kind="ok">
                    {head.lock.mode.toLowerCase()} until {moment(head.lock.until)}
                  </State>
                ) : (
                  <State kind="off">no retention</State>
                )}
                {head.hold ? <State kind="ok">legal hold</State> : <State kind="off">no legal hold</State>}
              </div>
              {mayWrite && (
                <div className="row">
                  <Button size="xs" variant="default" onClick={() => setRetaining(true)}>
                    Set a retention …
                  </Button>
                  <Button size="xs" variant="default" onClick={() => setHolding(true)}>
                    {head.hold ? "Lift the legal hold …" : "Place a legal hold …"}
                  </Button>
                </div>
              )}
              <Retaining open={retaining} head={head} close={() => setRetaining(false)} act={async (retention, bypass) => {
                await setRetention(s3, bucket, objectKey, version, retention, bypass);
                refresh();
              }} />
              <Confirm
                open={holding}
                title={head.hold ? "Lift the legal hold" : "Place a legal hold"}
                deed={head.hold ? "Lift it" : "Place it"}
                word={head.hold ? "lift" : undefined}
                danger={head.hold}
                act={async () => {
                  await setHold(s3, bucket, objectKey, version, !head.hold);
                  refresh();
                }}
                close={() => setHolding(false)}
              >
                <p>{head.hold ? "Without it the version can be deleted as soon as no retention keeps it." : "While it stands, nobody can delete this version, whoever they are and whatever its retention says."}</p>
              </Confirm>
            </div>
          )
        }
      </Load>
    </Panel>
  );
}

function Retaining({ open, head, act, close }: { open: boolean; head: Head; act: (retention: Retention, bypass: boolean) => Promise<void>; close: () => void }) {
  const [mode, setMode] = useState<Retention["mode"]>("GOVERNANCE");
  const [day, setDay] = useState("");
  const until = /^\d{4}-\d{2}-\d{2}$/.test(day) ? `${day}T00:00:00Z` : null;
  const past = until !== null && Date.parse(until) <= Date.now();
  const shortens = until !== null && head.lock !== null && Date.parse(until) < Date.parse(head.lock.until);
  return (
    <Confirm
      open={open}
      title="Set a retention"
      deed="Set it"
      word={mode === "COMPLIANCE" ? "compliance" : undefined}
      danger={mode === "COMPLIANCE" || shortens}
      ready={until !== null && !past}
      act={async () => {
        if (!until) throw new Problem(0, "No day", "choose the day until which it is kept");
        await act({ mode, until }, shortens && head.lock?.mode === "GOVERNANCE");
      }}
      close={close}
    >
      <Radio.Group label="Mode" value={mode} onChange={(value) => setMode(value === "COMPLIANCE" ? "COMPLIANCE" : "GOVERNANCE")}>
        <div className="stack">
          <Radio value="GOVERNANCE" label="Governance" description="The owner, and whoever manages the bucket, can shorten or lift it" />
          <Radio value="COMPLIANCE" label="Compliance" description="Nobody can shorten or lift it before the day, for any reason" />
        </div>
      </Radio.Group>
      <TextInput type="date" label="Kept until (UTC)" value={day} onChange={(event) => setDay(event.currentTarget.value)} error={past ? "This day is over" : null} />
      {shortens && <p className="note">This is earlier than it is kept now: {head.lock && moment(head.lock.until)}.</p>}
    </Confirm>
  );
}
