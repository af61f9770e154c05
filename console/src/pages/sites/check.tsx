// A site that is to be added, checked by Entente before it stands in the settings, then written into them and used.

import { Button } from "@mantine/core";
import { useState } from "react";

import type { SiteCheck, SiteCheckStep } from "../../api/types";
import { useSession } from "../../session";
import { useDeed } from "../../ui/deed";
import { millis } from "../../ui/format";
import { Facts, Failure, State, sentence } from "../../ui/parts";
import { Table } from "../../ui/table";

const STEPS: Record<SiteCheckStep["step"], string> = {
  marker: "Read whose it is",
  put: "Write",
  get: "Read",
  range: "Read a part",
  list: "List",
  delete: "Delete",
};

/** `entry` is the stanza once it is whole. What is known of another one is not shown: give it as the `key` too. */
export function CheckNow({ entry, added }: { entry: string | null; added: () => unknown }) {
  const { api } = useSession();
  const [checked, setChecked] = useState<SiteCheck | null>(null);
  const { busy, problem, submit } = useDeed(async () => {
    setChecked(null);
    setChecked(await api.post<SiteCheck>("/site-checks", { entry }));
  });
  return (
    <form className="stack" onSubmit={submit}>
      <p>Entente can try this site before it stands in the settings, from the machine it runs on. What it writes there is deleted again.</p>
      <div>
        <Button type="submit" size="xs" disabled={entry === null} loading={busy}>
          Check it now
        </Button>
      </div>
      {problem && <Failure problem={problem} title="It was not checked" />}
      <div className="stack" aria-live="polite">
        {checked && <Checked of={checked} />}
      </div>
      {checked?.works && entry !== null && <AddNow entry={entry} added={added} />}
    </form>
  );
}

/** `POST /sites`. */
interface Added {
  name: string;
  /** The settings file. */
  file: string;
  used: "now" | "next_start";
  /** Why it is not used before. */
  why: string | null;
}

/** It is checked once more before it is written. */
function AddNow({ entry, added }: { entry: string; added: () => unknown }) {
  const { api } = useSession();
  const [done, setDone] = useState<Added | null>(null);
  const { busy, problem, submit } = useDeed(async () => {
    setDone(await api.post<Added>("/sites", { entry }));
    await added();
  });
  if (done) {
    return (
      <p role="status">
        {done.used === "now" ? <State kind="ok">{`${done.name} is in use`}</State> : <State kind="warn">{`${done.name} is not in use yet`}</State>} It was written into{" "}
        <code>{done.file}</code>
        {done.used === "now" ? ", and takes new writes." : `. The next start of Entente takes it in. Why not now: ${done.why ?? "not known"}`}
      </p>
    );
  }
  return (
    <div className="stack">
      <p>Entente can append the entry to the settings file it was started with. It checks the site once more before, and uses it at once: nothing is restarted.</p>
      <div>
        <Button size="xs" onClick={submit} loading={busy}>
          Add it to the settings
        </Button>
      </div>
      {problem && <Failure problem={problem} title="It was not added" />}
    </div>
  );
}

function Checked({ of }: { of: SiteCheck }) {
  return (
    <>
      {of.works ? <State kind="ok">It works</State> : <State kind="bad">It does not work</State>}
      {of.advice.map((advice) => (
        <p key={advice} className="wrap">
          {sentence(advice)}
        </p>
      ))}
      {of.steps.length > 0 && (
        <Table
          caption={`Steps of the check of ${of.name}`}
          rows={of.steps}
          name={({ step }) => step}
          columns={[
            { head: "Step", cell: ({ step }) => STEPS[step] },
            { head: "Took", numeric: true, cell: (step) => millis(step.millis) },
            { head: "Outcome", cell: ({ error }) => (error === null ? <State kind="ok">Well</State> : <State kind="bad">Failed</State>) },
          ]}
        />
      )}
      <Facts
        of={[
          ["Held by", of.held_by ?? "not known"],
          ["Ceiling", of.ceiling],
        ]}
      />
    </>
  );
}
