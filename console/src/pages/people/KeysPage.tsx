// Access keys: issued, with a secret that is shown once; rotated; revoked.

import { Button, Checkbox, Modal, Select, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";

import { useDocument } from "../../api/documents";
import { usePlace } from "../../router";
import { useSession, useSigning } from "../../session";
import { uriEncode } from "../../sign/sigv4";
import { Confirm } from "../../ui/confirm";
import { moment } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Age, Code, Empty, Facts, Load, Page, Panel, State } from "../../ui/parts";
import { Table } from "../../ui/table";
import { Label } from "./Label";
import { OFFERED_MAX } from "../../ui/rows";
import { FormDialog, LabelField } from "./People";
import { type IssuedKey, type Key, type Keys, type Users } from "./documents";

export function KeysPage() {
  const { may } = useSession();
  const { query, go } = usePlace();
  const keys = useDocument<Keys>("/keys");
  const [issued, setIssued] = useState<IssuedKey | null>(null);
  const [rotating, setRotating] = useState<Key | null>(null);
  const [revoking, setRevoking] = useState<Key | null>(null);
  const [all, setAll] = useState(false);
  const refresh = () => void keys.refresh();
  return (
    <Page
      title="Keys"
      lead="Each opens sessions of one person at one label. The secret is shown once, and kept nowhere it could be read again."
      actions={
        may("IssueKeys") && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => go("/keys?new=")}>
            Issue a key
          </Button>
        )
      }
    >
      <Panel title="Access keys" aside={<Checkbox size="xs" label="Revoked ones too" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />}>
        <Load of={keys}>
          {({ keys: found }) => (
            <Table
              caption="Access keys"
              rows={found.filter((key) => all || !key.revoked)}
              name={(key) => key.access_key}
              empty={<Empty title="No key at or below this session">Issue one to a person, and give them the secret by a way of its own.</Empty>}
              columns={[
                { head: "Key", cell: (key) => <code>{key.access_key}</code>, by: (key) => key.access_key },
                { head: "Of", cell: (key) => key.user, by: (key) => key.user },
                { head: "Label", cell: (key) => <Label of={key.label} />, by: (key) => key.label },
                { head: "State", cell: (key) => stateOf(key), by: (key) => key.revoked ?? key.expires },
                { head: "From", cell: (key) => key.sources.join(", ") || "anywhere", find: (key) => key.sources.join(", "), minor: true },
                { head: "Issued", cell: (key) => <Age at={key.created} />, by: (key) => key.created, minor: true },
                {
                  head: "",
                  cell: (key) =>
                    may("IssueKeys") &&
                    !key.revoked && (
                      <span className="row">
                        <Button size="compact-xs" variant="default" onClick={() => setRotating(key)} aria-label={`Rotate ${key.access_key}`}>
                          Rotate …
                        </Button>
                        <Button size="compact-xs" variant="subtle" color="red" onClick={() => setRevoking(key)} aria-label={`Revoke ${key.access_key}`}>
                          Revoke …
                        </Button>
                      </span>
                    ),
                },
              ]}
            />
          )}
        </Load>
      </Panel>
      {may("IssueKeys") && query.has("new") && (
        <Issue
          user={query.get("new") ?? ""}
          close={() => go("/keys", { replace: true })}
          done={(key) => {
            setIssued(key);
            refresh();
          }}
        />
      )}
      <Rotate of={rotating} close={() => setRotating(null)} done={(key) => (setIssued(key), refresh())} />
      <Revoke of={revoking} close={() => setRevoking(null)} done={refresh} />
      <Secret of={issued} close={() => setIssued(null)} />
    </Page>
  );
}

function stateOf(key: Key) {
  if (key.revoked) return <State kind="off">revoked</State>;
  if (!key.expires) return <State kind="ok">valid</State>;
  if (Date.parse(key.expires) <= Date.now()) return <State kind="off">expired</State>;
  return <State kind="ok">until {moment(key.expires)}</State>;
}

const EXPIRIES = [
  { value: "", label: "never" },
  { value: "86400", label: "in 1 day" },
  { value: "604800", label: "in 7 days" },
  { value: "2592000", label: "in 30 days" },
  { value: "7776000", label: "in 90 days" },
  { value: "31536000", label: "in a year" },
];

function Issue({ user: named, close, done }: { user: string; close: () => void; done: (key: IssuedKey) => void }) {
  const { api } = useSession();
  const users = useDocument<Users>("/users");
  const [user, setUser] = useState(named);
  const [label, setLabel] = useState("");
  const [expires, setExpires] = useState("");
  const [sources, setSources] = useState("");
  return (
    <FormDialog
      open
      title="Issue a key"
      deed="Issue it"
      ready={user !== ""}
      close={close}
      act={async () => {
        const ranges = sources.split(/[\s,]+/).filter(Boolean);
        const key = await api.post<IssuedKey>("/keys", { user, label: label || null, expires_in_s: expires ? Number(expires) : null, sources: ranges });
        close();
        done(key);
      }}
    >
      <Select label="To" data={users.data?.users.map((one) => one.user) ?? []} value={user || null} onChange={(value) => setUser(value ?? "")} searchable limit={OFFERED_MAX} nothingFoundMessage="Make the person first, under People" comboboxProps={{ withinPortal: false }} />
      <LabelField label="Label" description="Of every session of the key" empty="the lowest for a mission owner, the clearance for others" value={label} set={setLabel} />
      <Select label="Expires" data={EXPIRIES} value={expires} onChange={(value) => setExpires(value ?? "")} allowDeselect={false} comboboxProps={{ withinPortal: false }} />
      <TextInput label="Taken from these addresses" description="Ranges such as 192.0.2.0/24; from anywhere if left empty" value={sources} onChange={(event) => setSources(event.currentTarget.value)} autoComplete="off" spellCheck={false} />
    </FormDialog>
  );
}

const GRACES = [
  { value: "0", label: "at once" },
  { value: "3600", label: "in 1 hour" },
  { value: "86400", label: "in 1 day" },
  { value: "604800", label: "in 7 days" },
];

export function Rotate({ of, close, done }: { of: Pick<Key, "access_key" | "user"> | null; close: () => void; done: (key: IssuedKey) => void }) {
  const { api } = useSession();
  const { hold } = useSigning();
  useEffect(() => () => hold(false), [hold]);
  const [grace, setGrace] = useState("3600");
  const atOnce = grace === "0";
  return (
    <Confirm
      open={of !== null}
      title="Rotate a key"
      deed="Rotate it"
      word={atOnce ? of?.access_key.slice(-6) : undefined}
      danger={atOnce}
      act={async () => {
        if (!of) return;
        // It may be the key of this session, which ends before the answer is here.
        hold(true);
        try {
          done(await api.post<IssuedKey>(`/keys/${uriEncode(of.access_key)}/rotate`, { grace_s: Number(grace) }));
        } catch (error) {
          hold(false);
          throw error;
        }
      }}
      close={close}
    >
      <p>
        A new key takes the place of <code>{of?.access_key}</code> of {of?.user}: same label, same limits, another secret. Whatever uses the old one has to be given the new one.
      </p>
      <Select label="The old one stops" data={GRACES} value={grace} onChange={(value) => setGrace(value ?? "3600")} allowDeselect={false} comboboxProps={{ withinPortal: false }} />
      {atOnce && (
        <>
          <p>Whatever still signs with it is refused from now on, uploads under way included. It cannot be taken back.</p>
          <p className="muted">The word is the end of the key’s name.</p>
        </>
      )}
    </Confirm>
  );
}

function Revoke({ of, close, done }: { of: Key | null; close: () => void; done: () => void }) {
  const { api, session } = useSession();
  return (
    <Confirm
      open={of !== null}
      title="Revoke a key"
      deed="Revoke it"
      word={of?.access_key.slice(-6)}
      danger
      act={async () => {
        if (of) await api.delete(`/keys/${uriEncode(of.access_key)}`);
        done();
      }}
      close={close}
    >
      {of && (
        <>
          <Facts of={[["Key", <code key="k">{of.access_key}</code>], ["Of", of.user], ["Label", <Label key="l" of={of.label} />], ["Issued", <Age key="a" at={of.created} />]]} />
          <p>Requests signed with it are refused from now on, uploads under way included; links that were shared with it stop working. It cannot be taken back: issue another instead. Data stays.</p>
          {of.user === session.user && <p className="note">This is a key of your own: if it is the one you are signed in with, this ends your session.</p>}
          <p className="muted">The word is the end of the key’s name.</p>
        </>
      )}
    </Confirm>
  );
}

export function Secret({ of, close }: { of: IssuedKey | null; close: () => void }) {
  const { hold } = useSigning();
  const [kept, setKept] = useState(false);
  useEffect(() => {
    if (!of) return;
    hold(true);
    return () => hold(false);
  }, [of, hold]);
  const end = () => {
    setKept(false);
    close();
  };
  return (
    <Modal opened={of !== null} onClose={end} title="The secret, this once" size="lg" closeOnClickOutside={false} closeOnEscape={false} withCloseButton={false}>
      {of && (
        <div className="stack">
          <p>
            A key of {of.user} at <Label of={of.label} />. The secret is not kept anywhere it could be shown from again.
          </p>
          <Code label="the key as a credentials file" text={`[default]\naws_access_key_id = ${of.access_key}\naws_secret_access_key = ${of.secret_key}\n`} />
          <Checkbox label="It is where it belongs" checked={kept} onChange={(event) => setKept(event.currentTarget.checked)} />
          <div>
            <Button onClick={end} disabled={!kept}>
              Close
            </Button>
          </div>
        </div>
      )}
    </Modal>
  );
}
