// Adding a site: sites stand in the settings file, so this makes the entry, has it checked and written there, and says
// what to run where it cannot be.

import { type InputWrapperProps, NativeSelect, TextInput } from "@mantine/core";
import { useRef, useState } from "react";

import { useDocument } from "../../api/documents";
import type { Sites } from "../../api/types";
import { Link } from "../../router";
import { useSession } from "../../session";
import { Code, Page, Panel, State } from "../../ui/parts";
import { vendorName } from "../../ui/sites";
import { CheckNow } from "./check";
import { KINDS, type SiteKind, type Wanted, complaints, stanza } from "./stanza";

/** Stands in the settings, and does not run yet. */
interface Waiting {
  name: string;
}

/** What is said of a field stands beneath it, so that those of a row begin at one height. */
const ORDER: InputWrapperProps["inputWrapperOrder"] = ["label", "input", "error", "description"];

const FIRST: Wanted = { name: "", vendor: "amazon", kind: "s3", region: "", settings: {}, ceiling: "", latitude: "", longitude: "" };

export default function AddSite() {
  const { session, may } = useSession();
  const sites = useDocument<Sites & { waiting?: Waiting[] }>("/sites");
  const [wanted, setWanted] = useState<Wanted>(FIRST);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const set = (more: Partial<Wanted>) => setWanted((before) => ({ ...before, ...more }));
  const touch = (name: string) => setTouched((before) => new Set(before).add(name));
  const waiting = sites.data?.waiting ?? [];
  const taken = [...(sites.data?.sites ?? []), ...waiting].map((site) => site.name);
  const wrong = complaints(wanted, taken);
  const kind = KINDS[wanted.kind];
  const text = (name: "name" | "region" | "latitude" | "longitude", label: string, description?: string) => (
    <TextInput label={label} description={description} inputWrapperOrder={ORDER} value={wanted[name]} error={touched.has(name) && wrong[name]} onChange={(event) => set({ [name]: event.currentTarget.value.trim() })} onBlur={() => touch(name)} spellCheck={false} autoComplete="off" />
  );
  const entry = Object.keys(wrong).length === 0 ? stanza(wanted) : null;
  // Of what was just added it is said that it was, although its name is taken by now.
  const last = useRef<string | null>(null);
  if (entry !== null) last.current = entry;
  const checked = entry ?? (taken.includes(wanted.name) && last.current === stanza(wanted) ? last.current : null);
  return (
    <Page
      title="Add a site"
      lead={
        <>
          <Link to="/sites">Vendors and sites</Link> · Sites stand in the settings file on the machine Entente runs on. This page makes the entry, tries it, and can have it appended there.
        </>
      }
    >
      <div className="panels">
        <Panel title="1. What it is">
          <form className="stack" onSubmit={(event) => event.preventDefault()} noValidate>
            <div className="fields">
              <NativeSelect
                label="Kind"
                value={wanted.kind}
                data={Object.entries(KINDS).map(([value, { label }]) => ({ value, label }))}
                onChange={(event) => {
                  const kind = event.currentTarget.value as SiteKind;
                  const { vendors } = KINDS[kind];
                  set({ kind, vendor: vendors.includes(wanted.vendor) ? wanted.vendor : (vendors[0] ?? "own") });
                }}
              />
              <NativeSelect label="Vendor" value={wanted.vendor} data={kind.vendors.map((value) => ({ value, label: vendorName(value) }))} onChange={(event) => set({ vendor: event.currentTarget.value })} />
              {text("name", "Name", "What it is called here")}
              {text("region", "Region", kind.region ? "As its vendor calls it" : "Of your own choosing")}
              {kind.fields.map(({ name, label, hint }) => (
                <TextInput
                  key={name}
                  label={label}
                  description={hint}
                  inputWrapperOrder={ORDER}
                  value={wanted.settings[name] ?? ""}
                  error={touched.has(name) && wrong[name]}
                  onChange={(event) => set({ settings: { ...wanted.settings, [name]: event.currentTarget.value.trim() } })}
                  onBlur={() => touch(name)}
                  spellCheck={false}
                  autoComplete="off"
                />
              ))}
              <NativeSelect
                label="Ceiling"
                description="The highest label that may lie there"
                inputWrapperOrder={ORDER}
                value={wanted.ceiling}
                data={[{ value: "", label: "The lowest of the enclave" }, ...session.labels.map((value) => ({ value, label: value }))]}
                onChange={(event) => set({ ceiling: event.currentTarget.value })}
              />
              {text("latitude", "Latitude", "Known already for vendors’ regions")}
              {text("longitude", "Longitude")}
            </div>
          </form>
        </Panel>
        <div className="stack">
          <Panel title="2. Write it into the settings">
            <div className="stack">
              {entry !== null ? (
                <>
                  <p>Check it below and have it appended, or append this by hand to the file that <code>entente up --config</code> names:</p>
                  <Code label="entry for the settings" text={entry} />
                </>
              ) : (
                <p className="muted">The entry stands here once name{kind.region ? ", region" : ""} and place are given.</p>
              )}
              {waiting.map(({ name }) => (
                <p key={name} role="status">
                  <State kind="warn">Waits for a restart</State> {name} stands in the settings, and does not run yet.
                </p>
              ))}
              <p className="muted">
                Secrets do not stand in the settings: give the credentials of the vendor as its own tools take them. What to create there, and the least rights it needs, is
                described in <code>deploy/README.md</code>.
              </p>
            </div>
          </Panel>
          <Panel title="3. Check it">
            <div className="stack">
              {wanted.kind !== "local" && may("Keep") && <CheckNow key={checked} entry={checked} added={sites.refresh} />}
              <p>Once it stands in the settings, this writes, reads, lists and deletes a small object at each site, and says what to do where that fails:</p>
              <Code label="command that checks the sites" text="entente site check --config entente.toml" />
            </div>
          </Panel>
          <Panel title="4. Use it">
            <div className="stack">
              <p>
                A site that is empty is claimed for this enclave; one that holds something else is refused. New writes may go there as soon as it is added here, without a
                restart; what was appended by hand is used from the next start on. What is stored already moves when asked:
              </p>
              <Code label="command that moves what is stored" text="entente bucket move-data --all --plan" />
            </div>
          </Panel>
        </div>
      </div>
    </Page>
  );
}
