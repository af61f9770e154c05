// Who there is, what each is for and cleared for, and the groups they are in.

import { Button, Modal, MultiSelect, Select, TextInput } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";

import { useDocument } from "../../api/documents";
import { Link, usePlace } from "../../router";
import { useSession } from "../../session";
import { uriEncode } from "../../sign/sigv4";
import { Confirm } from "../../ui/confirm";
import { useDeed } from "../../ui/deed";
import { counted } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Age, Empty, Failure, Load, Page, Panel, State } from "../../ui/parts";
import { OFFERED_MAX } from "../../ui/rows";
import { Table } from "../../ui/table";
import { Label } from "./Label";
import { ROLES, roleName, type Group, type Groups, type Keys, type User, type Users } from "./documents";

export function People() {
  const { may } = useSession();
  const { query, go } = usePlace();
  const users = useDocument<Users>("/users");
  const keys = useDocument<Keys>("/keys");
  const made = query.get("new");
  const leave = () => go("/people", { replace: true });
  const name = query.get("user");
  const shown = users.data?.users.find((user) => user.user === name) ?? null;
  const valid = useMemo(() => countsOf((keys.data?.keys ?? []).filter((key) => !key.revoked).map((key) => key.user)), [keys.data]);
  const active = (user: string) => valid.get(user) ?? 0;
  return (
    <Page
      title="People"
      lead="Whoever is cleared beyond this session is not here."
      actions={
        may("SetPeople") && (
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => go("/people?new=person")}>
            New person
          </Button>
        )
      }
    >
      <Load of={users}>
        {({ users: rows }) => (
          <Panel title="Who there is" aside={counted(rows.length, "person", "people")}>
            <Table
              caption="People"
              rows={rows}
              name={(row) => row.user_id}
              empty={<Empty title="Nobody yet">Make the first person: a mission owner uses data, an operator runs the sites.</Empty>}
              columns={[
                { head: "Name", cell: (row) => <Link to={`/people?user=${uriEncode(row.user)}`}>{row.user}</Link>, by: (row) => row.user },
                { head: "Role", cell: (row) => roleName(row.role), by: (row) => roleName(row.role) },
                { head: "Cleared for", cell: (row) => <Label of={row.clearance} />, by: (row) => row.clearance },
                { head: "Keys", cell: (row) => active(row.user), by: (row) => active(row.user), numeric: true },
                { head: "State", cell: (row) => (row.suspended ? <State kind="warn">suspended</State> : <State kind="ok">active</State>), by: (row) => row.suspended, find: (row) => (row.suspended ? "suspended" : "active") },
                { head: "Made", cell: (row) => <Age at={row.created} />, by: (row) => row.created, minor: true },
              ]}
            />
          </Panel>
        )}
      </Load>
      <GroupsPanel users={users.data?.users ?? []} making={may("SetPeople") && made === "group"} make={() => go("/people?new=group")} leave={leave} />
      <NewUser open={may("SetPeople") && made === "person"} close={leave} done={() => void users.refresh()} />
      <Person
        key={name}
        user={shown}
        keys={keys.data?.keys.filter((key) => key.user === name) ?? []}
        close={() => go("/people")}
        refresh={() => void Promise.all([users.refresh(), keys.refresh()])}
      />
    </Page>
  );
}

function countsOf(names: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** A label to choose: those the session knows, or as one writes it. */
export function LabelField({ label, description, empty, value, set }: { label: string; description?: string; /** What it means when left empty. */ empty?: string; value: string; set: (value: string) => void }) {
  const { session } = useSession();
  const id = `labels-${label.replace(/\W/g, "")}`;
  return (
    <>
      <TextInput label={label} description={description} value={value} onChange={(event) => set(event.currentTarget.value)} list={id} placeholder={empty} spellCheck={false} autoComplete="off" />
      <datalist id={id}>
        {session.labels.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </>
  );
}

/** A form in a dialog that says why it failed. */
export function FormDialog({ open, title, deed, ready, act, close, children }: { open: boolean; title: string; deed: string; ready: boolean; act: () => Promise<void>; close: () => void; children: ReactNode }) {
  const { busy, problem, submit } = useDeed(act);
  return (
    <Modal opened={open} onClose={close} title={title} size="lg">
      <form className="stack" onSubmit={submit}>
        {children}
        {problem && <Failure problem={problem} />}
        <div className="row">
          <Button type="submit" loading={busy} disabled={!ready}>
            {deed}
          </Button>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function NewUser({ open, close, done }: { open: boolean; close: () => void; done: () => void }) {
  const { api, session } = useSession();
  const { go } = usePlace();
  const [user, setUser] = useState("");
  const [role, setRole] = useState<string>("mission-owner");
  const [clearance, setClearance] = useState("");
  const [nations, setNations] = useState("");
  return (
    <FormDialog
      open={open}
      title="New person"
      deed="Make the person"
      ready={user.trim() !== ""}
      close={close}
      act={async () => {
        const codes = nations.split(/[\s,]+/).filter(Boolean);
        await api.post("/users", { user: user.trim(), role, clearance: clearance || null, nations: codes });
        done();
        close();
        go(`/people?user=${uriEncode(user.trim())}`);
      }}
    >
      <TextInput label="Name" value={user} onChange={(event) => setUser(event.currentTarget.value)} required autoComplete="off" spellCheck={false} data-autofocus />
      <Select label="Role" description={ROLES.find((one) => one.role === role)?.does} data={ROLES.map((one) => ({ value: one.role, label: one.name }))} value={role} onChange={(value) => setRole(value ?? "mission-owner")} allowDeselect={false} comboboxProps={{ withinPortal: false }} />
      <LabelField label="Cleared for" description={`At or below your own label, ${session.label}`} empty="the lowest of the enclave" value={clearance} set={setClearance} />
      <TextInput label="Nations" description="Three-letter codes, such as USA or FRA; as the clearance says if left empty" value={nations} onChange={(event) => setNations(event.currentTarget.value)} autoComplete="off" />
    </FormDialog>
  );
}

function Person({ user, keys, close, refresh }: { user: User | null; keys: Keys["keys"]; close: () => void; refresh: () => void }) {
  const { api, may } = useSession();
  const [clearance, setClearance] = useState("");
  const [clearing, setClearing] = useState(false);
  const [suspending, setSuspending] = useState(false);
  if (!user) return null;
  const path = `/users/${uriEncode(user.user)}`;
  return (
    <Modal opened onClose={close} title={user.user} size="lg">
      <div className="stack">
        <p>
          {roleName(user.role)}, cleared for <Label of={user.clearance} /> {user.suspended ? <State kind="warn">suspended</State> : <State kind="ok">active</State>}
        </p>
        <p className="muted">{ROLES.find((one) => one.role === user.role)?.does}.</p>
        <p>
          S3 names them as an owner by <code>{user.user_id}</code>
        </p>
        <Table
          caption={`Keys of ${user.user}`}
          rows={keys}
          name={(key) => key.access_key}
          empty={<Empty title="No key">Without a key nobody can sign in. Keys are issued under “Keys”.</Empty>}
          columns={[
            { head: "Key", cell: (key) => <code>{key.access_key}</code> },
            { head: "Label", cell: (key) => <Label of={key.label} /> },
            { head: "State", cell: (key) => (key.revoked ? <State kind="off">revoked</State> : <State kind="ok">valid</State>) },
          ]}
        />
        <div className="row">
          {may("IssueKeys") && <Link to={`/keys?new=${uriEncode(user.user)}`}>Issue a key</Link>}
          <Link to={`/explain?user=${uriEncode(user.user)}`}>What may they do?</Link>
        </div>
        {may("SetPeople") && (
          <div className="row">
            <Button size="xs" variant="default" onClick={() => setClearing(true)}>
              Change the clearance …
            </Button>
            <Button size="xs" variant="default" onClick={() => setSuspending(true)}>
              {user.suspended ? "Let them in again …" : "Suspend …"}
            </Button>
          </div>
        )}
      </div>
      <Confirm
        open={clearing}
        title={`Clearance of ${user.user}`}
        deed="Set it"
        ready={clearance !== ""}
        act={async () => {
          await api.patch(path, { clearance });
          refresh();
        }}
        close={() => setClearing(false)}
      >
        <p>
          Now <Label of={user.clearance} />. It holds at once, also for what is under way: a key above a lowered clearance opens nothing any more.
        </p>
        <LabelField label="Cleared for" value={clearance} set={setClearance} />
      </Confirm>
      <Confirm
        open={suspending}
        title={user.suspended ? `Let ${user.user} in again` : `Suspend ${user.user}`}
        deed={user.suspended ? "Let them in" : "Suspend"}
        word={user.suspended ? undefined : user.user}
        danger={!user.suspended}
        act={async () => {
          await api.patch(path, { suspended: !user.suspended });
          refresh();
        }}
        close={() => setSuspending(false)}
      >
        <p>
          {user.suspended
            ? "Their keys open sessions again, as they did before."
            : `${counted(keys.filter((key) => !key.revoked).length, "key")} open nothing from now on, also in what is under way, and links they shared stop working. Data stays. It can be taken back.`}
        </p>
      </Confirm>
    </Modal>
  );
}

function GroupsPanel({ users, making, make, leave }: { users: User[]; making: boolean; make: () => void; leave: () => void }) {
  const { api, may } = useSession();
  const groups = useDocument<Groups>("/groups");
  const [name, setName] = useState("");
  const [edited, setEdited] = useState<Group | null>(null);
  const [members, setMembers] = useState<string[]>([]);
  const [going, setGoing] = useState<Group | null>(null);
  const begin = (group: Group) => {
    setMembers(group.members);
    setEdited(group);
  };
  return (
    <Panel
      title="Groups"
      aside={
        may("SetPeople") && (
          <Button size="compact-xs" variant="default" leftSection={<Icon name="plus" size={14} />} onClick={make}>
            New group
          </Button>
        )
      }
    >
      <Load of={groups}>
        {({ groups: rows }) => (
          <Table
            caption="Groups"
            rows={rows}
            name={(row) => row.group_id}
            empty={<Empty title="No group yet">A grant to a group holds for whoever is in it at the moment, each within their own clearance.</Empty>}
            columns={[
              { head: "Group", cell: (row) => row.group, by: (row) => row.group },
              { head: "Members", cell: (row) => row.members.join(", ") || "nobody", by: (row) => row.members.length, find: (row) => row.members.join(", ") },
              { head: "Made", cell: (row) => <Age at={row.created} />, by: (row) => row.created, minor: true },
              {
                head: "",
                cell: (row) =>
                  may("SetPeople") && (
                    <span className="row">
                      <Button size="compact-xs" variant="default" onClick={() => begin(row)}>
                        Members …
                      </Button>
                      <Button size="compact-xs" variant="subtle" onClick={() => setGoing(row)}>
                        Delete …
                      </Button>
                    </span>
                  ),
              },
            ]}
          />
        )}
      </Load>
      <FormDialog
        open={making}
        title="New group"
        deed="Make the group"
        ready={name.trim() !== ""}
        close={leave}
        act={async () => {
          await api.post("/groups", { group: name.trim() });
          setName("");
          leave();
          await groups.refresh();
        }}
      >
        <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} required autoComplete="off" data-autofocus />
      </FormDialog>
      <FormDialog
        open={edited !== null}
        title={`Members of ${edited?.group ?? ""}`}
        deed="Set the members"
        ready
        close={() => setEdited(null)}
        act={async () => {
          if (!edited) return;
          const add = members.filter((one) => !edited.members.includes(one));
          const remove = edited.members.filter((one) => !members.includes(one));
          await api.patch(`/groups/${uriEncode(edited.group)}`, { add, remove });
          setEdited(null);
          await groups.refresh();
        }}
      >
        <MultiSelect label="Members" data={users.map((user) => user.user)} value={members} onChange={setMembers} searchable limit={OFFERED_MAX} comboboxProps={{ withinPortal: false }} />
      </FormDialog>
      <Confirm
        open={going !== null}
        title={`Delete the group ${going?.group ?? ""}`}
        deed="Delete the group"
        word={going?.group}
        danger
        act={async () => {
          if (going) await api.delete(`/groups/${uriEncode(going.group)}`);
          await groups.refresh();
        }}
        close={() => setGoing(null)}
      >
        <p>{going && `${counted(going.members.length, "member")} lose at once what was granted to it. The people stay.`}</p>
      </Confirm>
    </Panel>
  );
}
