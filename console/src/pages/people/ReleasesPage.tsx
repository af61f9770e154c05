// Releases: what is to go to a lower label, asked by one, signed by two others, carried out as a copy.

import { Button, Select, TextInput, Textarea } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import { Problem } from "../../api/problem";
import { Link, usePlace, type Params } from "../../router";
import { useSession } from "../../session";
import { uriEncode } from "../../sign/sigv4";
import { Confirm } from "../../ui/confirm";
import { bytes, moment } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Age, Bytes, Empty, Facts, Load, Page, Panel, State } from "../../ui/parts";
import { Table } from "../../ui/table";
import { Name } from "../buckets/Name";
import classes from "../buckets/buckets.module.css";
import { useLoaded } from "../buckets/loaded";
import { fileName, visible } from "../buckets/names";
import { decodeText, imageType, offer, TEXT_MAX } from "../buckets/preview";
import { toObject } from "../buckets/paths";
import { Label } from "./Label";
import { FormDialog, LabelField } from "./People";
import type { Release, Releases } from "./documents";
import { inOrder, possible, saidOfIt, SIGNATURES, waitsFor, type Step, type Who } from "./queue";

function useWho(): Who {
  const { session, may } = useSession();
  return { user: session.user, signs: may("SignRelease"), asks: may("AskRelease") };
}

export function ReleasesPage() {
  const { may, session } = useSession();
  const who = useWho();
  const { query, go } = usePlace();
  const releases = useDocument<Releases>("/releases", { every: 10 });
  return (
    <Page
      title="Releases"
      lead={
        who.asks
          ? "What you asked to go to a lower label. Two security officers have to sign, and then it is copied there; the original stays."
          : "What people ask to go to a lower label. Two officers have to sign, neither of them who asked; then it is copied there."
      }
      actions={
        may("AskRelease") && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => go("/releases?ask=1")}>
            Ask for a release
          </Button>
        )
      }
    >
      <Load of={releases}>
        {({ releases: rows }) => (
          <div className="panel">
          <Table
            caption="Releases"
            rows={inOrder(rows, who)}
            name={(row) => row.id}
            marked={(row) => (possible(row, who).includes("sign") ? "warn" : undefined)}
            empty={
              <Empty title={who.asks ? "You have asked for no release" : "No release was asked for"}>
                What lies at {session.label} goes to a lower label by a release alone: by asking, with a reason, and by two others who look at the content and sign.
              </Empty>
            }
            columns={[
              {
                head: "What",
                cell: (row) => (
                  <Link to={`/releases/${row.id}`}>
                    {row.bucket}/<Name of={row.key} wrap />
                  </Link>
                ),
                by: (row) => row.key,
                find: (row) => `${row.bucket}/${row.key}`,
              },
              {
                head: "From, to",
                cell: (row) => (
                  <>
                    <Label of={row.label} /> → <Label of={row.to_label} />
                  </>
                ),
                find: (row) => `${row.label} → ${row.to_label}`,
              },
              { head: "Asked by", cell: (row) => row.asked_by, by: (row) => row.asked_by },
              { head: "When", cell: (row) => <Age at={row.asked} />, by: (row) => row.asked },
              { head: "Signed", cell: (row) => `${row.signed_by.length} of ${SIGNATURES}`, by: (row) => row.signed_by.length, numeric: true },
              { head: "State", cell: (row) => <ReleaseState of={row} who={who} />, find: waitsFor },
            ]}
          />
          </div>
        )}
      </Load>
      {may("AskRelease") && query.get("ask") === "1" && <Asking close={() => go("/releases", { replace: true })} done={(release) => go(`/releases/${release.id}`, { replace: true })} />}
    </Page>
  );
}

function ReleaseState({ of, who }: { of: Release; who: Who }) {
  const text = waitsFor(of);
  if (of.state === "done") return <State kind="ok">{text}</State>;
  if (of.state === "ended") return <State kind="off">{text}</State>;
  return <State kind={possible(of, who).includes("sign") ? "warn" : "busy"}>{possible(of, who).includes("sign") ? "waits for you" : text}</State>;
}

function Asking({ close, done }: { close: () => void; done: (release: Release) => void }) {
  const { api, session } = useSession();
  const { query } = usePlace();
  const [bucket, setBucket] = useState(query.get("bucket") ?? "");
  const [key, setKey] = useState(query.get("key") ?? "");
  const [toLabel, setToLabel] = useState("");
  const [toBucket, setToBucket] = useState("");
  const [toKey, setToKey] = useState("");
  const [reason, setReason] = useState("");
  const below = session.labels.filter((label) => label !== session.label);
  return (
    <FormDialog
      open
      title="Ask for a release"
      deed="Ask for it"
      ready={[bucket, key, toLabel, toBucket, reason].every((text) => text.trim() !== "")}
      close={close}
      act={async () => {
        const wanted = { bucket, key, version: query.get("version"), to_label: toLabel, to_bucket: toBucket, to_key: toKey || null, reason };
        done(await api.post<Release>("/releases", wanted));
      }}
    >
      <p>Two security officers will see exactly this version, and the reason. What is changed afterwards is not part of it.</p>
      <div className={classes.fields}>
        <TextInput label="Bucket" value={bucket} onChange={(event) => setBucket(event.currentTarget.value)} required autoComplete="off" spellCheck={false} />
        <TextInput label="Object" value={key} onChange={(event) => setKey(event.currentTarget.value)} required autoComplete="off" spellCheck={false} />
      </div>
      {below.length > 0 ? (
        <Select label="To the label" data={below} value={toLabel || null} onChange={(value) => setToLabel(value ?? "")} comboboxProps={{ withinPortal: false }} />
      ) : (
        <LabelField label="To the label" value={toLabel} set={setToLabel} />
      )}
      <div className={classes.fields}>
        <TextInput label="Into the bucket" value={toBucket} onChange={(event) => setToBucket(event.currentTarget.value)} required autoComplete="off" spellCheck={false} />
        <TextInput label="Under the name" placeholder={key || "the same"} value={toKey} onChange={(event) => setToKey(event.currentTarget.value)} autoComplete="off" spellCheck={false} />
      </div>
      <Textarea label="Why" placeholder="declassified by order 7" value={reason} onChange={(event) => setReason(event.currentTarget.value)} required autosize minRows={2} maxRows={6} />
    </FormDialog>
  );
}

export function ReleasePage({ params }: { params: Params }) {
  const { api } = useSession();
  const who = useWho();
  const id = params.id ?? "";
  const releases = useDocument<Releases>("/releases", { every: 5 });
  const [step, setStep] = useState<Step | null>(null);
  const [looked, setLooked] = useState(false);
  return (
    <Page title="Release" lead={<Link to="/releases">All releases</Link>}>
      <Load of={releases}>
        {({ releases: all }) => {
          const it = all.find((release) => release.id === id);
          if (!it) return <Empty title="There is no such release">Or not for this session. <Link to="/releases">All that are</Link></Empty>;
          const steps = possible(it, who);
          const act = async () => {
            if (!step) return;
            await api.post(`/releases/${uriEncode(id)}/${step.replace(" ", "-")}`);
            await releases.refresh();
          };
          return (
            <div className={classes.two}>
              <div className="stack">
                <Panel title="What is asked" aside={<ReleaseState of={it} who={who} />}>
                  <div className="stack">
                    <p className={classes.flow}>
                      <span>
                        <Label of={it.label} /> {it.bucket}/<Name of={it.key} wrap />
                      </span>
                      <Icon name="down" />
                      <span>
                        <Label of={it.to_label} /> {it.to_bucket}/<Name of={it.to_key} wrap />
                      </span>
                    </p>
                    <blockquote className={classes.reason}>
                      <Name of={it.reason} wrap />
                    </blockquote>
                    <Facts
                      of={[
                        ["Asked by", it.asked_by],
                        ["When", <Age key="a" at={it.asked} />],
                        ["Size", <Bytes key="b" of={it.size} />],
                        ["ETag", <code key="e">{it.etag}</code>],
                      ]}
                    />
                  </div>
                </Panel>
                {who.signs && (it.state === "open" || it.state === "signed") && <Content release={it} seen={() => setLooked(true)} />}
              </div>
              <div className="stack">
                <Panel title="Signatures" aside={`${it.signed_by.length} of ${SIGNATURES}`}>
                  <ol className={classes.versions}>
                    <li>
                      <span>{it.asked_by} asked</span>
                      <span className="muted">{moment(it.asked)}</span>
                    </li>
                    {it.signed_by.map((signature) => (
                      <li key={signature.by}>
                        <span>
                          <State kind="ok">signed</State> {signature.by}
                        </span>
                        <span className="muted">{moment(signature.at)}</span>
                      </li>
                    ))}
                    {it.state === "open" &&
                      Array.from({ length: Math.max(0, SIGNATURES - it.signed_by.length) }, (_, index) => (
                        <li key={index}>
                          <span className="muted">a security officer other than {[it.asked_by, ...it.signed_by.map((one) => one.by)].join(" and ")} has to sign</span>
                        </li>
                      ))}
                    {it.ended && (
                      <li>
                        <span>{it.state === "done" ? <State kind="ok">carried out</State> : <State kind="off">{`${waitsFor(it)} by ${it.ended_by}`}</State>}</span>
                        <span className="muted">{moment(it.ended)}</span>
                      </li>
                    )}
                  </ol>
                </Panel>
                {it.state === "done" && who.asks && (
                  <Panel title="Where it is now">
                    <Link to={toObject(it.to_bucket, it.to_key)}>
                      {it.to_bucket}/<Name of={it.to_key} wrap />
                    </Link>
                  </Panel>
                )}
                {steps.length > 0 && (
                  <Panel title="What you can do">
                    <div className="stack">
                      {steps.includes("sign") && !looked && <p className="muted">Look at the content first: nobody signs what they have not seen.</p>}
                      <div className="row">
                        {steps.includes("sign") && (
                          <Button onClick={() => setStep("sign")} disabled={!looked}>
                            Sign …
                          </Button>
                        )}
                        {steps.includes("carry out") && <Button onClick={() => setStep("carry out")}>Carry out …</Button>}
                        {steps.includes("refuse") && (
                          <Button variant="default" onClick={() => setStep("refuse")}>
                            Refuse …
                          </Button>
                        )}
                        {steps.includes("take back") && (
                          <Button variant="default" onClick={() => setStep("take back")}>
                            Take it back …
                          </Button>
                        )}
                      </div>
                    </div>
                  </Panel>
                )}
              </div>
              <Confirm
                open={step !== null}
                title={step ? TITLES[step] : ""}
                deed={step ? DEEDS[step] : ""}
                word={step ? wordOf(step, it) : undefined}
                danger={step !== "carry out"}
                act={act}
                close={() => setStep(null)}
              >
                <p>
                  <Name of={`${it.bucket}/${it.key}`} wrap />, {bytes(it.size)}, ETag <code>{it.etag}</code>, from <Label of={it.label} /> to <Label of={it.to_label} />.
                </p>
                <p>{step ? told(step, it) : ""}</p>
              </Confirm>
            </div>
          );
        }}
      </Load>
    </Page>
  );
}

const TITLES: Record<Step, string> = { sign: "Sign the release", refuse: "Refuse the release", "take back": "Take the release back", "carry out": "Carry the release out" };
const DEEDS: Record<Step, string> = { sign: "Sign", refuse: "Refuse", "take back": "Take it back", "carry out": "Carry it out" };

/** What ends for good, or goes out, is typed; what was signed already is only done. */
function wordOf(step: Step, release: Release): string | undefined {
  if (step === "carry out") return undefined;
  return step === "sign" ? release.to_label : step;
}

function told(step: Step, release: Release): string {
  switch (step) {
    case "sign":
      return release.signed_by.length + 1 >= SIGNATURES
        ? `Yours is the second signature: it is copied to ${release.to_bucket} at once, and everybody cleared for ${release.to_label} with a right there can read it. That cannot be taken back.`
        : "Yours is the first signature. Nothing is copied before a second officer has signed.";
    case "refuse":
      return "It ends here, for good. Whoever asked may ask anew.";
    case "take back":
      return "It ends here, for good. You may ask anew.";
    case "carry out":
      return `It is signed by two and was not copied, because something stood in the way. This tries again: it is copied to ${release.to_bucket} as it was signed.`;
  }
}

interface Content {
  text: string | null;
  cut: boolean;
  image: Blob | null;
  whole: Blob;
  said: ReturnType<typeof saidOfIt>;
}

/** Most that is brought into the page to be looked at. */
const SEEN_MAX = 64 << 20;

/** The bytes that are to be released, and what is said of them. Hostile like any others. */
function Content({ release, seen }: { release: Release; seen: () => void }) {
  const { api } = useSession();
  const [asked, setAsked] = useState(false);
  const content = useLoaded<Content>(asked ? release.id : null, async (signal) => {
    if (release.size > SEEN_MAX) throw new Problem(0, "Too large", `it has ${bytes(release.size)}, more than this page shows: look at it with \`entente release look ${release.id} --out FILE\` and sign there`);
    const response = await api.send("GET", `/releases/${uriEncode(release.id)}/content`, { signal });
    const data = new Uint8Array(await response.arrayBuffer());
    const cut = data.length > TEXT_MAX;
    const image = offer(release.key, "", data.length).kind === "image" ? imageType(data) : null;
    seen();
    return {
      text: image ? null : decodeText(data.subarray(0, TEXT_MAX), cut),
      cut,
      image: image ? new Blob([data], { type: image }) : null,
      // Of a kind that no browser opens by itself.
      whole: new Blob([data], { type: "application/octet-stream" }),
      said: saidOfIt(response.headers.get("entente-said-of-it")),
    };
  });
  const save = (blob: Blob) => {
    const url = URL.createObjectURL(blob);
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = fileName(release.key);
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <Panel title="The content">
      {!asked ? (
        <div className="stack">
          <p>What two sign for is exactly these bytes and what is said of them. That you looked is noted.</p>
          <div>
            <Button onClick={() => setAsked(true)}>Look at the content</Button>
          </div>
        </div>
      ) : (
        <Load of={content}>
          {(it) => (
            <div className="stack">
              {it.text !== null ? (
                <pre className={classes.text} tabIndex={0} role="region" aria-label="The text">
                  {visible(it.text)}
                </pre>
              ) : it.image ? (
                <Shown of={it.image} />
              ) : (
                <Empty title="Not text and no image that is shown here">Save it and open it where that is safe.</Empty>
              )}
              {it.cut && it.text !== null && <p className="note">These are the first {bytes(TEXT_MAX)} of {bytes(release.size)}: save it to see all.</p>}
              <Facts
                of={[
                  ...Object.entries(it.said.headers),
                  ...Object.entries(it.said.metadata),
                  ...Object.entries(it.said.tags).map(([name, value]): [string, string] => [`tag ${name}`, value]),
                ].map(([name, value]) => [visible(name), <Name key={name} of={value} wrap />])}
              />
              <div>
                <Button size="xs" variant="default" leftSection={<Icon name="download" size={14} />} onClick={() => save(it.whole)}>
                  Save it
                </Button>
              </div>
            </div>
          )}
        </Load>
      )}
    </Panel>
  );
}

function Shown({ of }: { of: Blob }) {
  const [url] = useState(() => URL.createObjectURL(of));
  return <img className={classes.image} src={url} alt="What is to be released, as an image" onLoad={() => URL.revokeObjectURL(url)} />;
}
