// Labels in use, their keys, the sites that may hold them; a new key for one, and the end of one.

import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import type { Sites } from "../../api/types";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { bytes, count, counted, moment } from "../../ui/format";
import { Empty, Facts, Load, Page, Panel, State } from "../../ui/parts";
import { vendorName } from "../../ui/sites";
import { Table } from "../../ui/table";
import { useLoaded } from "../buckets/loaded";
import { Label } from "./Label";
import type { LabelInUse, Labels, ShredPlan } from "./documents";

export function LabelsPage() {
  const { api, may, session } = useSession();
  const labels = useDocument<Labels>("/labels");
  const [rotating, setRotating] = useState<LabelInUse | null>(null);
  const [shredding, setShredding] = useState<LabelInUse | null>(null);
  const [shredded, setShredded] = useState<ShredPlan | null>(null);
  return (
    <Page title="Labels" lead={`At or below ${session.label}. Each has a key of its own; what was written under a key stays readable with it, and new writes take the newest.`}>
      {shredded && (
        <Panel title={`${shredded.label} is shredded`} aside="stands here until this page is left">
          <div className="stack">
            <p role="status">Nothing of it opens under the new root key. What is named here is not destroyed yet.</p>
            <Copies of={shredded} />
          </div>
        </Panel>
      )}
      <Panel title="In use">
        <Load of={labels}>
          {({ labels: rows }) => (
            <Table
              caption="Labels in use"
              rows={rows}
              name={(row) => row.label}
              empty={<Empty title="No label is in use yet">One comes into use with the first bucket or key at it.</Empty>}
              columns={[
                { head: "Label", cell: (row) => <Label of={row.label} />, by: (row) => row.label },
                { head: "Buckets", cell: (row) => count(row.buckets), by: (row) => row.buckets, numeric: true },
                { head: "Key epochs", cell: (row) => (row.epochs.length > 0 ? row.epochs.join(", ") : "none"), by: (row) => row.epochs.length, minor: true },
                { head: "Stream", cell: (row) => (row.stream ? <code>{row.stream}</code> : "–"), minor: true },
                {
                  head: "",
                  cell: (row) => (
                    <span className="row">
                      {may("RotateLabel") && (
                        <Button size="compact-xs" variant="default" onClick={() => setRotating(row)} aria-label={`A new key for ${row.label}`}>
                          New key …
                        </Button>
                      )}
                      {may("ShredLabel") && (
                        <Button size="compact-xs" variant="subtle" color="red" onClick={() => setShredding(row)} aria-label={`Shred ${row.label}`}>
                          Shred …
                        </Button>
                      )}
                    </span>
                  ),
                },
              ]}
            />
          )}
        </Load>
      </Panel>
      {may("SeeStatus") && <Ceilings />}
      <Confirm
        open={rotating !== null}
        title={`A new key for ${rotating?.label ?? ""}`}
        deed="Make the new key"
        act={async () => {
          if (rotating) await api.post("/label-rotations", { label: rotating.label });
          await labels.refresh();
        }}
        close={() => setRotating(null)}
      >
        <p>What is written at this label from now on is under a new key, epoch {Math.max(0, ...(rotating?.epochs ?? [])) + 1}. Nothing is moved or written again; what is there stays under the keys it has, and readable.</p>
      </Confirm>
      <Shredding
        of={shredding}
        close={() => setShredding(null)}
        done={(plan) => {
          setShredded(plan);
          void labels.refresh();
        }}
      />
    </Page>
  );
}

function Ceilings() {
  const sites = useDocument<Sites>("/sites");
  return (
    <Panel title="Ceilings of sites" aside="no piece lies above its site’s ceiling, encrypted or not">
      <Load of={sites}>
        {({ sites: rows }) => (
          <Table
            caption="Sites and what they may hold"
            rows={rows}
            name={(row) => row.name}
            columns={[
              { head: "Site", cell: (row) => row.name, by: (row) => row.name },
              { head: "Vendor", cell: (row) => vendorName(row.vendor), by: (row) => row.vendor, minor: true },
              { head: "Region", cell: (row) => row.region, by: (row) => row.region, minor: true },
              { head: "May hold up to", cell: (row) => (row.ceiling ? <Label of={row.ceiling} /> : "–"), by: (row) => row.ceiling },
              { head: "State", cell: (row) => <State kind={row.state === "active" ? "ok" : "off"}>{row.state}</State>, by: (row) => row.state },
            ]}
          />
        )}
      </Load>
    </Panel>
  );
}

function Shredding({ of, close, done }: { of: LabelInUse | null; close: () => void; done: (plan: ShredPlan) => void }) {
  const { api } = useSession();
  const [despite, setDespite] = useState(false);
  const plan = useLoaded<ShredPlan>(of?.label ?? null, () => api.post<ShredPlan>("/label-shred-plan", { label: of?.label }));
  const locked = plan.data?.locked ?? 0;
  return (
    <Confirm
      open={of !== null}
      title={`Shred ${of?.label ?? ""}`}
      deed="Make it unreadable for ever"
      word={of?.label}
      danger
      ready={plan.data !== undefined && (locked === 0 || despite)}
      act={async () => {
        await api.post("/label-shreds", { label: of?.label, confirm: of?.label, despite_locks: despite });
        // Once it is done nobody is told any more which copies there are.
        if (plan.data) done(plan.data);
      }}
      close={() => {
        setDespite(false);
        close();
      }}
    >
      <p className="note">Everything at this label becomes noise, wherever copies of it lie: at the vendors, in backups, on tapes. Nobody can bring it back, with any key.</p>
      <Load of={plan}>
        {(it) => (
          <div className="stack">
            <Facts
              of={[
                ["Objects and versions", count(it.versions)],
                ["Bytes", bytes(it.bytes)],
                ["Buckets", it.buckets.join(", ") || "none"],
                ["Unfinished uploads", count(it.uploads)],
                ["Access keys at it", count(it.access_keys)],
                ["Keys destroyed", count(it.keys)],
                ["Kept by locks", count(it.locked)],
              ]}
            />
            <Table
              caption="Sites that hold pieces of it"
              rows={it.sites}
              name={(row) => row.site}
              empty={<Empty title="No site holds a piece of it" />}
              columns={[
                { head: "Site", cell: (row) => row.site },
                { head: "Pieces that become noise", cell: (row) => count(row.pieces), numeric: true },
              ]}
            />
            <Copies of={it} />
            {it.locked > 0 && <Checkbox color="red" label={`Despite object locks that keep ${counted(it.locked, "version")}`} checked={despite} onChange={(event) => setDespite(event.currentTarget.checked)} />}
          </div>
        )}
      </Load>
    </Confirm>
  );
}

/** What is known of copies that still open what lies in others. */
function Copies({ of }: { of: ShredPlan }) {
  return (
    <>
      <div>
        <strong>To be destroyed, as whoever has one of these still reads it:</strong>
        <ul className="stack">
          <li>
            Every copy of the root key <code>{of.root_key}</code>{of.sealed_under_passphrase && ", for who knows the passphrase"}; the file itself is replaced.
          </li>
          {of.shares.map((one) => (
            <li key={one.made}>
              Shares of {one.holders.join(", ")}, {one.needed} of which give a root key, made {moment(one.made)}.
            </li>
          ))}
        </ul>
      </div>
      {of.backups.length > 0 && (
        <div>
          <strong>Of no more use, as they open under the old root key:</strong>
          <ul className="stack">
            {of.backups.map((one) => (
              <li key={one.digest}>
                Backup <code>{one.place}</code> of {moment(one.made)}.
              </li>
            ))}
          </ul>
        </div>
      )}
      <p>
        The new root key takes the old one’s place: copy it, give out new shares, and make a new backup. Old copies of the catalog <code>{of.catalog}</code> tell names, sizes
        and ETags, and nothing else.
      </p>
    </>
  );
}
