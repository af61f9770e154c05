// What a bucket does by itself: whether it keeps versions and locks them, and which rules remove what.

import { Button, Checkbox, Modal, NumberInput, Radio, Select, Switch, TextInput } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

import type { Loaded } from "../../api/documents";
import { usePlace, type Params } from "../../router";
import type { S3 } from "../../s3/client";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { useDeed } from "../../ui/deed";
import { bytes } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Empty, Failure, Load, Panel, State } from "../../ui/parts";
import { Table } from "../../ui/table";
import { BucketPage, useBucket, writable } from "./BucketPage";
import { Name } from "./Name";
import classes from "./buckets.module.css";
import { complaint, inWords, NEW_RULE, type Rule } from "./lifecycle";
import { useLoaded } from "./loaded";
import { deleteBucket, list, lockDefault, rules as rulesOf, setLockDefault, setRules, setVersioning, uploads, versioning as versioningOf, versions as versionsOf, type LockDefault, type Versioning } from "./s3";

export function RulesPage({ params }: { params: Params }) {
  const name = params.bucket ?? "";
  const { session, s3 } = useSession();
  const { bucket, refresh } = useBucket(name);
  const versions = useLoaded<{ of: Versioning }>(name, async () => ({ of: await versioningOf(s3, name) }));
  const mayWrite = session.role === "mission-owner" && writable(bucket, session.label);
  return (
    <BucketPage name={name} bucket={bucket} at="rules" refused={versions.error}>
      <div className="panels">
        <Versions bucket={name} mayWrite={mayWrite} told={refresh} status={versions} />
        <Locks bucket={name} mayWrite={mayWrite} told={refresh} />
        <Rules bucket={name} mayWrite={mayWrite} />
        {mayWrite && <Ending bucket={name} />}
      </div>
    </BucketPage>
  );
}

interface Part {
  bucket: string;
  mayWrite: boolean;
}

function Versions({ bucket, mayWrite, told, status }: Part & { told: () => Promise<void>; status: Loaded<{ of: Versioning }> }) {
  const { s3 } = useSession();
  const [setting, setSetting] = useState<"Enabled" | "Suspended" | null>(null);
  return (
    <Panel title="Versions">
      <Load of={status}>
        {({ of }) => (
          <div className="stack">
            <div>
              {of === "Enabled" ? <State kind="ok">kept</State> : <State kind="off">{of === "Suspended" ? "suspended" : "not kept"}</State>}
            </div>
            <p>
              {of === "Enabled"
                ? "What is overwritten or deleted stays as an older version, and can be brought back."
                : of === "Suspended"
                  ? "Versions that are there stay. What is overwritten or deleted from now on is gone for good."
                  : "What is overwritten or deleted is gone for good."}
            </p>
            {mayWrite && (
              <div>
                <Button size="xs" variant="default" onClick={() => setSetting(of === "Enabled" ? "Suspended" : "Enabled")}>
                  {of === "Enabled" ? "Suspend …" : "Keep versions …"}
                </Button>
              </div>
            )}
          </div>
        )}
      </Load>
      <Confirm
        open={setting !== null}
        title={setting === "Suspended" ? "Suspend versions" : "Keep versions"}
        deed={setting === "Suspended" ? "Suspend them" : "Keep them"}
        danger={setting === "Suspended"}
        word={setting === "Suspended" ? bucket : undefined}
        act={async () => {
          if (setting) await setVersioning(s3, bucket, setting);
          await Promise.all([status.refresh(), told()]);
        }}
        close={() => setSetting(null)}
      >
        <p>{setting === "Suspended" ? "What is overwritten or deleted from then on is gone for good. Older versions stay." : "From then on nothing is lost by an overwrite or a deletion; each version takes its space until a rule or somebody removes it."}</p>
      </Confirm>
    </Panel>
  );
}

function Locks({ bucket, mayWrite, told }: Part & { told: () => Promise<void> }) {
  const { s3 } = useSession();
  const [open, setOpen] = useState(false);
  const [mode, setMode] = useState<"none" | LockDefault["mode"]>("none");
  const [amount, setAmount] = useState<number | string>(30);
  const [unit, setUnit] = useState<"days" | "years">("days");
  const rule = useLoaded<{ of: LockDefault | null | undefined }>(bucket, async () => ({ of: await lockDefault(s3, bucket) }));
  const wanted = (): LockDefault | null => (mode === "none" ? null : { mode, days: unit === "days" ? Number(amount) : null, years: unit === "years" ? Number(amount) : null });
  return (
    <Panel title="Object lock">
      <Load of={rule}>
        {({ of }) => (
          <div className="stack">
            <div>{of === undefined ? <State kind="off">off</State> : <State kind="ok">on</State>}</div>
            <p>
              {of === undefined
                ? "Nothing is kept from being deleted by whoever may. It can be switched on where versions are kept, and not off again."
                : of === null
                  ? "Versions can be locked one by one. New ones are not locked by themselves."
                  : `Each new version is locked in ${of.mode.toLowerCase()} mode for ${of.days ? `${of.days} days` : `${of.years} years`}.`}
            </p>
            {mayWrite && (
              <div>
                <Button size="xs" variant="default" onClick={() => setOpen(true)}>
                  {of === undefined ? "Switch it on …" : "Change what new versions get …"}
                </Button>
              </div>
            )}
            <Confirm
              open={open}
              title="Object lock"
              deed={of === undefined ? "Switch it on" : "Set it"}
              word={of === undefined || mode === "COMPLIANCE" ? bucket : undefined}
              danger={of === undefined || mode === "COMPLIANCE"}
              ready={mode === "none" || (Number.isInteger(Number(amount)) && Number(amount) > 0)}
              act={async () => {
                await setLockDefault(s3, bucket, wanted());
                await Promise.all([rule.refresh(), told()]);
              }}
              close={() => setOpen(false)}
            >
              {of === undefined && <p className="note">Object lock cannot be switched off again, and versions cannot be suspended after it.</p>}
              <Radio.Group label="New versions are" value={mode} onChange={(value) => setMode(value as typeof mode)}>
                <div className="stack">
                  <Radio value="none" label="not locked by themselves" />
                  <Radio value="GOVERNANCE" label="locked in governance mode" description="Whoever manages the bucket can lift it" />
                  <Radio value="COMPLIANCE" label="locked in compliance mode" description="Nobody can lift it before its time, for any reason" />
                </div>
              </Radio.Group>
              {mode !== "none" && (
                <div className={classes.fields}>
                  <NumberInput label="For" value={amount} onChange={setAmount} min={1} max={unit === "days" ? 36_500 : 100} allowDecimal={false} />
                  <Select label="Unit" data={["days", "years"]} value={unit} onChange={(value) => setUnit(value === "years" ? "years" : "days")} allowDeselect={false} comboboxProps={{ withinPortal: false }} />
                </div>
              )}
            </Confirm>
          </div>
        )}
      </Load>
    </Panel>
  );
}

function Rules({ bucket, mayWrite }: Part) {
  const { s3 } = useSession();
  const [edited, setEdited] = useState<{ rule: Rule; at: number | null } | null>(null);
  const [going, setGoing] = useState<Rule | null>(null);
  const rules = useLoaded<Rule[]>(bucket, () => rulesOf(s3, bucket));
  const keep = async (next: Rule[]) => {
    await setRules(s3, bucket, next);
    await rules.refresh();
  };
  return (
    <Panel
      title="Lifecycle rules"
      wide
      aside={
        mayWrite && (
          <Button size="compact-xs" variant="default" leftSection={<Icon name="plus" size={14} />} onClick={() => setEdited({ rule: NEW_RULE, at: null })}>
            New rule
          </Button>
        )
      }
    >
      <Load of={rules}>
        {(found) => (
          <>
            <Table
              caption="Lifecycle rules"
              rows={found}
              name={(rule) => rule.id}
              empty={<Empty title="No rule">Nothing goes by itself. A rule removes objects, older versions or unfinished uploads when their days are over.</Empty>}
              columns={[
                { head: "Rule", cell: (rule) => <Name of={rule.id} wrap />, by: (rule) => rule.id },
                { head: "State", cell: (rule) => (rule.enabled ? <State kind="ok">in force</State> : <State kind="off">off</State>) },
                { head: "Of what", cell: (rule) => <Scope rule={rule} /> },
                { head: "What goes", cell: (rule) => inWords(rule) },
                {
                  head: "",
                  cell: (rule) =>
                    mayWrite && (
                      <span className="row">
                        <Button size="compact-xs" variant="default" onClick={() => setEdited({ rule, at: found.indexOf(rule) })}>
                          Change
                        </Button>
                        <Button size="compact-xs" variant="subtle" onClick={() => setGoing(rule)}>
                          Remove …
                        </Button>
                      </span>
                    ),
                },
              ]}
            />
            {edited && (
              <RuleEditor
                key={edited.at}
                rule={edited.rule}
                fresh={edited.at === null}
                save={(rule) => keep(edited.at === null ? [...found, rule] : found.map((one, at) => (at === edited.at ? rule : one)))}
                close={() => setEdited(null)}
              />
            )}
            <Confirm open={going !== null} title="Remove the rule" deed="Remove it" act={() => keep(found.filter((one) => one !== going))} close={() => setGoing(null)}>
              <p>Nothing goes by it any more. What it removed already does not come back by this.</p>
            </Confirm>
          </>
        )}
      </Load>
    </Panel>
  );
}

function Scope({ rule }: { rule: Rule }) {
  const parts: ReactNode[] = [];
  if (rule.prefix) parts.push(<span key="p">begins with <Name of={rule.prefix} wrap /></span>);
  for (const tag of rule.tags) parts.push(<span key={`t${tag.key}`}>tag <Name of={`${tag.key}=${tag.value}`} wrap /></span>);
  if (rule.largerThan !== null) parts.push(`larger than ${bytes(rule.largerThan)}`);
  if (rule.smallerThan !== null) parts.push(`smaller than ${bytes(rule.smallerThan)}`);
  if (parts.length === 0) return <>everything</>;
  return (
    <>
      {parts.map((part, index) => (
        <span key={index}>
          {index > 0 && " and "}
          {part}
        </span>
      ))}
    </>
  );
}

const number = (value: number | string): number | null => (value === "" ? null : Number(value));

function RuleEditor({ rule, fresh, save, close }: { rule: Rule; fresh: boolean; save: (rule: Rule) => Promise<void>; close: () => void }) {
  const [now, setNow] = useState(rule);
  const [tags, setTags] = useState(rule.tags.map((tag) => `${tag.key}=${tag.value}`).join(", "));
  useEffect(() => {
    const read = tags
      .split(",")
      .map((pair) => pair.trim())
      .filter(Boolean)
      .map((pair) => {
        const at = pair.indexOf("=");
        return at < 0 ? { key: pair, value: "" } : { key: pair.slice(0, at), value: pair.slice(at + 1) };
      });
    setNow((before) => ({ ...before, tags: read }));
  }, [tags]);
  const wrong = complaint(now);
  const set = (change: Partial<Rule>) => setNow((before) => ({ ...before, ...change }));
  const { busy, problem, submit } = useDeed(async () => {
    await save(now);
    close();
  });
  return (
    <Modal opened onClose={close} title={fresh ? "New rule" : "Change the rule"} size="lg">
      <form className="stack" onSubmit={submit}>
        <TextInput label="Name" description="Without one it is given one" value={now.id} maxLength={255} onChange={(event) => set({ id: event.currentTarget.value })} data-autofocus />
        <Switch label="In force" checked={now.enabled} onChange={(event) => set({ enabled: event.currentTarget.checked })} />
        <fieldset className={classes.group}>
          <legend>Of what; left empty, of everything</legend>
          <div className="stack">
            <TextInput label="Names that begin with" placeholder="logs/" value={now.prefix} onChange={(event) => set({ prefix: event.currentTarget.value })} />
            <TextInput label="With these tags" placeholder="class=draft, team=press" value={tags} onChange={(event) => setTags(event.currentTarget.value)} />
            <div className={classes.fields}>
              <NumberInput label="Larger than, bytes" value={now.largerThan ?? ""} onChange={(value) => set({ largerThan: number(value) })} min={0} allowDecimal={false} />
              <NumberInput label="Smaller than, bytes" value={now.smallerThan ?? ""} onChange={(value) => set({ smallerThan: number(value) })} min={1} allowDecimal={false} />
            </div>
          </div>
        </fieldset>
        <fieldset className={classes.group}>
          <legend>What goes</legend>
          <div className="stack">
            <div className={classes.fields}>
              <NumberInput label="Objects, days after they were written" value={now.expireDays ?? ""} onChange={(value) => set({ expireDays: number(value) })} min={1} allowDecimal={false} />
              <TextInput
                type="date"
                label="Or objects on this day"
                value={now.expireDate?.slice(0, 10) ?? ""}
                onChange={(event) => set({ expireDate: event.currentTarget.value ? `${event.currentTarget.value}T00:00:00Z` : null })}
              />
            </div>
            <Checkbox label="Or delete markers with nothing behind them" checked={now.expireMarkers} onChange={(event) => set({ expireMarkers: event.currentTarget.checked })} />
            <div className={classes.fields}>
              <NumberInput label="Older versions, days after they were replaced" value={now.noncurrentDays ?? ""} onChange={(value) => set({ noncurrentDays: number(value) })} min={1} allowDecimal={false} />
              <NumberInput label="But keep the newest" value={now.noncurrentKeep ?? ""} onChange={(value) => set({ noncurrentKeep: number(value) })} min={1} max={100} allowDecimal={false} />
            </div>
            <NumberInput label="Unfinished uploads, after days" value={now.abortDays ?? ""} onChange={(value) => set({ abortDays: number(value) })} min={1} allowDecimal={false} />
          </div>
        </fieldset>
        <p className={wrong ? "muted" : "note"} role="status">
          {wrong ?? inWords(now)}
        </p>
        {problem && <Failure problem={problem} />}
        <Button type="submit" loading={busy} disabled={wrong !== null}>
          Save the rule
        </Button>
      </form>
    </Modal>
  );
}

function Ending({ bucket }: { bucket: string }) {
  const { s3 } = useSession();
  const { go } = usePlace();
  const [open, setOpen] = useState(false);
  const plan = useLoaded<{ holds: string | null }>(open ? bucket : null, async (signal) => ({ holds: await heldIn(s3, bucket, signal) }));
  const holds = plan.data?.holds ?? null;
  return (
    <Panel title="Delete the bucket" wide>
      <div className="row">
        <p>Only an empty one goes: no object, no older version, no unfinished upload.</p>
        <Button size="xs" variant="default" onClick={() => setOpen(true)} loading={open && !plan.data && !plan.error}>
          Delete the bucket …
        </Button>
      </div>
      <Confirm
        open={open && (plan.data !== undefined || plan.error !== undefined)}
        title="Delete the bucket"
        deed="Delete the bucket"
        word={bucket}
        danger
        forbidden={plan.data === undefined || holds !== null}
        act={async () => {
          await deleteBucket(s3, bucket);
          go("/buckets");
        }}
        close={() => setOpen(false)}
      >
        <Load of={plan}>{({ holds }) => <p>{holds === null ? "It is empty. Its name, settings and grants go." : `It cannot be deleted: it holds ${holds}. Delete what it holds first.`}</p>}</Load>
      </Confirm>
    </Panel>
  );
}

/** What keeps the bucket from being deleted, if anything does. */
async function heldIn(s3: S3, bucket: string, signal: AbortSignal): Promise<string | null> {
  const [now, ever, begun] = await Promise.all([list(s3, bucket, "", null, 1, ""), versionsOf(s3, bucket, "", null, 1), uploads(s3, bucket, "", signal)]);
  if (now.entries.length > 0) return "objects";
  if (ever.versions.length > 0) return "older versions or marks of deleted objects";
  return begun.length > 0 ? "unfinished uploads" : null;
}
