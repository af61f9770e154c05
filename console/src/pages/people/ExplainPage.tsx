// Why may, or may not, somebody do something: asked of the functions that decide.

import { Button, Select, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";

import { useDocument } from "../../api/documents";
import { usePlace } from "../../router";
import { useSession } from "../../session";
import { Load, Page, Panel, State, sentence } from "../../ui/parts";
import classes from "../buckets/buckets.module.css";
import { useLoaded } from "../buckets/loaded";
import { visible } from "../buckets/names";
import { Label } from "./Label";
import { OFFERED_MAX } from "../../ui/rows";
import { LabelField } from "./People";
import { ACTIONS, ON_ACCOUNT, ON_OBJECT, type Explanation, type Users } from "./documents";

const STEPS: Record<string, string> = {
  authenticate: "Who asks",
  duty: "Whose duty",
  lattice: "Labels",
  ceiling: "Sites",
  allow: "Rights",
};

export function ExplainPage() {
  const { api, may, session } = useSession();
  const { query, go } = usePlace();
  const any = may("ExplainAny");
  const users = useDocument<Users>(may("SeePeople") ? "/users" : null);
  const field = (name: string) => query.get(name) ?? "";
  const [user, setUser] = useState(field("user"));
  const [label, setLabel] = useState(field("label"));
  const [action, setAction] = useState(field("action") || "GetObject");
  const [bucket, setBucket] = useState(field("bucket"));
  const [key, setKey] = useState(field("key"));
  const [from, setFrom] = useState(field("from"));
  useEffect(() => {
    setUser(query.get("user") ?? "");
  }, [query]);

  // The address holds the question: an answer can be sent as a link.
  const asked = query.get("action");
  const question = {
    user: query.get("user") || undefined,
    label: query.get("label") || undefined,
    action: asked ?? "",
    bucket: query.get("bucket") || undefined,
    key: query.get("key") || undefined,
    from: query.get("from") || undefined,
  };
  const answer = useLoaded<Explanation>(asked ? JSON.stringify(question) : null, () => api.post<Explanation>("/explain", question));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const pairs = { user, label, action, bucket: ON_ACCOUNT.includes(action) ? "" : bucket, key: ON_OBJECT.includes(action) ? key : "", from };
    const filled = Object.entries(pairs).filter(([, value]) => value !== "");
    go(`/explain?${new URLSearchParams(filled).toString()}`);
    if (asked) void answer.refresh();
  };
  const known = users.data?.users.map((one) => one.user);
  return (
    <Page title="Explain" lead={any ? "Why somebody may or may not do something, step by step, as the S3 door decides it." : "Why you may or may not do something, step by step. Of what lies above your session nothing is said."}>
      <Panel title="The question">
        <form className="stack" onSubmit={submit}>
          <div className={classes.fields}>
            {any &&
              (known ? (
                <Select label="Who" placeholder={session.user ?? "you"} data={known} value={user || null} onChange={(value) => setUser(value ?? "")} searchable clearable limit={OFFERED_MAX} />
              ) : (
                <TextInput label="Who" value={user} onChange={(event) => setUser(event.currentTarget.value)} />
              ))}
            <Select label="Does what" data={ACTIONS} value={action} onChange={(value) => setAction(value ?? "GetObject")} searchable allowDeselect={false} />
            {!ON_ACCOUNT.includes(action) && <TextInput label="In the bucket" value={bucket} onChange={(event) => setBucket(event.currentTarget.value)} required autoComplete="off" spellCheck={false} />}
            {ON_OBJECT.includes(action) && <TextInput label="To the object" value={key} onChange={(event) => setKey(event.currentTarget.value)} autoComplete="off" spellCheck={false} />}
          </div>
          <div className={classes.fields}>
            <LabelField label="In a session at" empty={user && user !== session.user ? "all they are cleared for" : session.label} value={label} set={setLabel} />
            <TextInput label="From the address" placeholder="any" value={from} onChange={(event) => setFrom(event.currentTarget.value)} autoComplete="off" spellCheck={false} />
            <Button type="submit" disabled={!ON_ACCOUNT.includes(action) && bucket === ""}>
              Explain
            </Button>
          </div>
        </form>
      </Panel>
      {asked && (
        <Panel title="The answer">
          <Load of={answer}>
            {(it) => (
              <div className="stack">
                <p>
                  {it.allowed ? <State kind="ok">allowed</State> : <State kind="bad">not allowed</State>} {question.user ?? session.user ?? "you"} {it.allowed ? "may" : "may not"} do {it.action} in a session at <Label of={it.label} />.
                </p>
                <ol className={classes.steps}>
                  {it.steps.map((step) => (
                    <li key={step.step} data-outcome={step.outcome}>
                      <span>
                        <strong>{STEPS[step.step] ?? step.step}</strong>
                        <br />
                        <State kind={step.outcome === "yes" ? "ok" : "bad"}>{step.outcome}</State>
                      </span>
                      <span>{sentence(visible(step.why))}</span>
                    </li>
                  ))}
                </ol>
              </div>
            )}
          </Load>
        </Panel>
      )}
    </Page>
  );
}
