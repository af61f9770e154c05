// Moving in: buckets that take over what lies somewhere else, while clients use them.

import { Button, Select, TextInput } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import { usePlace } from "../../router";
import { useSession } from "../../session";
import { uriEncode } from "../../sign/sigv4";
import { Confirm } from "../../ui/confirm";
import { bytes, count, counted, dollars } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Age, Bytes, Empty, Facts, Load, Page, State } from "../../ui/parts";
import { Table } from "../../ui/table";
import { FormDialog } from "../people/People";
import { Name } from "./Name";
import classes from "./buckets.module.css";
import { useLoaded } from "./loaded";

interface Origin {
  kind: string;
  bucket: string;
  endpoint: string | null;
  region: string | null;
  account: string | null;
  credentials: string;
}

interface Adoption {
  bucket: string;
  origin: Origin;
  stage: "copying" | "caught up" | "paused" | "finished" | "abandoned";
  begun: string;
  budget: number | null;
  objects: number;
  bytes: number;
  unproven: number;
  failed: number;
  passes: number;
  trouble: string | null;
}

interface Plan {
  objects: number;
  bytes: number;
  largest: number;
  list_requests: number;
  get_requests: number;
  dollars: number | null;
}

/** What a comparison of both places found. */
interface Finished {
  finished: boolean;
  compared: number;
  equal: number;
  ours: number;
  differing: number;
  told: { key: string; how: string }[];
}

const MIB = 1 << 20;

type Step = "pause" | "resume" | "finish" | "abandon";

const NAMES: Record<Step, string> = { pause: "Pause", resume: "Resume", finish: "Finish", abandon: "Abandon" };

const STEPS: Record<Adoption["stage"], Step[]> = {
  copying: ["pause", "finish", "abandon"],
  "caught up": ["finish", "pause", "abandon"],
  paused: ["resume", "abandon"],
  finished: [],
  abandoned: [],
};

const SAID: Record<Step, string> = {
  pause: "The copy in the background rests. Reads go on falling through to the old place, and writes come here.",
  resume: "The copy in the background goes on where it was, within its budget.",
  finish: "Both listings are compared: keys, sizes and ETags. Only when nothing differs does the fall-through end; otherwise what differs is told, and nothing changes. Stop writing to the old place first.",
  abandon: "The fall-through ends without proof: what was not brought here is no longer found under this bucket. The old place is not touched.",
};

export function Adoptions() {
  const { api } = useSession();
  const { query, go } = usePlace();
  const adoptions = useDocument<{ adoptions: Adoption[] }>("/adoptions", { every: 3 });
  const [wanted, setWanted] = useState<{ of: Adoption; step: Step } | null>(null);
  const [budget, setBudget] = useState("");
  const [compared, setCompared] = useState<{ bucket: string; told: Finished } | null>(null);
  const ask = (of: Adoption, step: Step) => {
    setBudget(of.budget === null ? "" : String(Math.ceil(of.budget / MIB)));
    setWanted({ of, step });
  };
  return (
    <Page
      title="Moving in"
      lead="A bucket here takes over one somewhere else while clients use it: reads fall through, writes come here, and a copy in the background brings the rest."
      actions={
        <Button leftSection={<Icon name="plus" size={16} />} onClick={() => go("/adoptions?new=1")}>
          Take a bucket over
        </Button>
      }
    >
      <Load of={adoptions}>
        {({ adoptions: rows }) => (
          <div className="panel">
            <Table
              caption="Adoptions"
              rows={rows}
              name={(row) => row.bucket}
              marked={(row) => (row.trouble ? "warn" : undefined)}
              empty={<Empty title="No bucket is being taken over">A key that may read and list at the old place is enough, and nothing there changes. A mission owner makes the bucket here first.</Empty>}
              columns={[
                { head: "Bucket", cell: (row) => row.bucket, by: (row) => row.bucket },
                {
                  head: "From",
                  minor: true,
                  cell: (row) => (
                    <>
                      {row.origin.kind} <Name of={row.origin.bucket} wrap />
                    </>
                  ),
                  find: (row) => `${row.origin.kind} ${row.origin.bucket}`,
                },
                { head: "Begun", cell: (row) => <Age at={row.begun} />, minor: true },
                { head: "Brought", cell: (row) => count(row.objects), numeric: true },
                { head: "Size", cell: (row) => <Bytes of={row.bytes} />, numeric: true, minor: true },
                { head: "State", cell: (row) => <Stage of={row} />, find: (row) => row.stage },
                {
                  head: "",
                  cell: (row) => (
                    <span className="row">
                      {STEPS[row.stage].map((step) => (
                        <Button key={step} size="compact-xs" variant={step === "abandon" ? "subtle" : "default"} color={step === "abandon" ? "red" : undefined} onClick={() => ask(row, step)} aria-label={`${NAMES[step]} the adoption of ${row.bucket}`}>
                          {NAMES[step]} …
                        </Button>
                      ))}
                    </span>
                  ),
                },
              ]}
            />
          </div>
        )}
      </Load>
      {compared && <Comparison of={compared.told} bucket={compared.bucket} />}
      <Confirm
        open={wanted !== null}
        title={wanted ? `${NAMES[wanted.step]}: ${wanted.of.bucket}` : ""}
        deed={wanted ? NAMES[wanted.step] : ""}
        word={wanted?.step === "abandon" || wanted?.step === "finish" ? wanted.of.bucket : undefined}
        danger={wanted?.step === "abandon"}
        act={async () => {
          if (!wanted) return;
          const body = wanted.step === "resume" ? { budget: bytesOf(budget) } : undefined;
          const told = await api.post<Finished | undefined>(`/adoptions/${uriEncode(wanted.of.bucket)}/${wanted.step}`, body);
          setCompared(told ? { bucket: wanted.of.bucket, told } : null);
          await adoptions.refresh();
        }}
        close={() => setWanted(null)}
      >
        <p>{wanted && SAID[wanted.step]}</p>
        {wanted?.step === "resume" && <Budget of={budget} set={setBudget} />}
      </Confirm>
      {query.get("new") === "1" && <Beginning close={() => go("/adoptions", { replace: true })} done={() => void adoptions.refresh()} />}
    </Page>
  );
}

function Comparison({ of, bucket }: { of: Finished; bucket: string }) {
  const sums = `${counted(of.compared, "key")} of the old place compared: ${count(of.equal)} equal, ${count(of.ours)} written or deleted here since.`;
  if (of.finished) {
    return (
      <p className="panel" role="status">
        <strong>{bucket} is finished.</strong> {sums} Nothing differs, and the old place is asked no more.
      </p>
    );
  }
  return (
    <div className="panel stack" role="alert">
      <p>
        <strong>
          {bucket} is not finished: {of.differing === 1 ? "1 key differs" : `${count(of.differing)} keys differ`}.
        </strong>{" "}
        {sums} Nothing changed; a pause and a resume have the copy look again.
      </p>
      <ul>
        {of.told.map((one) => (
          <li key={one.key}>
            <Name of={one.key} wrap />: {one.how}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Stage({ of }: { of: Adoption }) {
  const kind = { copying: "busy", "caught up": "ok", paused: "off", finished: "ok", abandoned: "off" } as const;
  return (
    <>
      <State kind={kind[of.stage]}>{of.stage}</State>
      {of.unproven > 0 && <div className="muted">{counted(of.unproven, "object")} had no MD5 to compare with</div>}
      {of.failed > 0 && <div>{counted(of.failed, "object")} could not be brought yet</div>}
      {of.trouble && <div role="alert">{of.trouble}</div>}
    </>
  );
}

function Budget({ of, set }: { of: string; set: (budget: string) => void }) {
  return <TextInput label="Budget, MiB per second" placeholder="no limit" inputMode="numeric" value={of} onChange={(event) => set(event.currentTarget.value.replace(/\D/g, ""))} autoComplete="off" />;
}

function bytesOf(budget: string): number | null {
  return budget ? Number(budget) * MIB : null;
}

const KINDS = [
  { value: "s3", label: "Amazon S3, or anything that speaks it" },
  { value: "azure", label: "Azure Blob Storage" },
  { value: "google", label: "Google Cloud Storage" },
];

function Beginning({ close, done }: { close: () => void; done: () => void }) {
  const { api } = useSession();
  const [bucket, setBucket] = useState("");
  const [kind, setKind] = useState("s3");
  const [from, setFrom] = useState("");
  const [endpoint, setEndpoint] = useState("");
  const [region, setRegion] = useState("");
  const [account, setAccount] = useState("");
  const [credentials, setCredentials] = useState("chain");
  const [budget, setBudget] = useState("");
  const [counting, setCounting] = useState<Origin | null>(null);
  const origin: Origin = { kind, bucket: from, endpoint: endpoint || null, region: region || null, account: account || null, credentials };
  const plan = useLoaded<Plan>(counting ? JSON.stringify(counting) : null, () => api.post<Plan>("/adoption-plan", counting));
  return (
    <>
      <FormDialog open title="Take a bucket over" deed="Count what is there" ready={bucket !== "" && from !== ""} close={close} act={async () => setCounting(origin)}>
        <TextInput label="Bucket here" description="One that is there already, made by a mission owner" value={bucket} onChange={(event) => setBucket(event.currentTarget.value)} required autoComplete="off" spellCheck={false} data-autofocus />
        <Select label="The old place is" data={KINDS} value={kind} onChange={(value) => setKind(value ?? "s3")} allowDeselect={false} comboboxProps={{ withinPortal: false }} />
        <div className={classes.fields}>
          <TextInput label={kind === "azure" ? "Container" : "Bucket there"} value={from} onChange={(event) => setFrom(event.currentTarget.value)} required autoComplete="off" spellCheck={false} />
          {kind === "azure" && <TextInput label="Account" value={account} onChange={(event) => setAccount(event.currentTarget.value)} autoComplete="off" spellCheck={false} />}
          {kind === "s3" && <TextInput label="Region" placeholder="us-east-1" value={region} onChange={(event) => setRegion(event.currentTarget.value)} autoComplete="off" spellCheck={false} />}
          <TextInput label="Endpoint" placeholder="the vendor’s own" value={endpoint} onChange={(event) => setEndpoint(event.currentTarget.value)} autoComplete="off" spellCheck={false} />
        </div>
        <TextInput
          label="Credentials"
          description="Where the running Entente finds them: chain, env:PREFIX, file:PATH or none. No secret goes through this page."
          value={credentials}
          onChange={(event) => setCredentials(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <Budget of={budget} set={setBudget} />
      </FormDialog>
      <Confirm
        open={counting !== null}
        title={`Take over into ${bucket}`}
        deed="Begin"
        ready={plan.data !== undefined}
        act={async () => {
          await api.post("/adoptions", { bucket, origin, budget: bytesOf(budget) });
          done();
          close();
        }}
        close={() => setCounting(null)}
      >
        <Load of={plan}>
          {(it) => (
            <Facts
              of={[
                ["Objects", count(it.objects)],
                ["Bytes to bring", bytes(it.bytes)],
                ["The largest", bytes(it.largest)],
                ["Requests there", count(it.list_requests + it.get_requests)],
                ["Cost at list prices", it.dollars === null ? "not known" : dollars(it.dollars)],
              ]}
            />
          )}
        </Load>
        <p>From then on clients use {bucket} and nothing else. Nothing at the old place changes.</p>
      </Confirm>
    </>
  );
}
