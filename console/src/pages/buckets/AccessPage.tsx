// Who beside its owner may use a bucket.

import { Button, Select, TextInput } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import { usePlace, type Params } from "../../router";
import { useSession } from "../../session";
import { uriEncode } from "../../sign/sigv4";
import { Confirm } from "../../ui/confirm";
import { useDeed } from "../../ui/deed";
import { Empty, Failure, Load, Panel } from "../../ui/parts";
import { Table } from "../../ui/table";
import { Label } from "../people/Label";
import { OFFERED_MAX } from "../../ui/rows";
import { BucketPage, useBucket } from "./BucketPage";
import classes from "./buckets.module.css";
import type { Grants } from "./documents";

const RIGHTS = [
  { value: "read", label: "read: list and get" },
  { value: "write", label: "write: read, put and delete" },
  { value: "manage", label: "manage: write, settings, locks and grants" },
];

export function AccessPage({ params }: { params: Params }) {
  const name = params.bucket ?? "";
  const { api } = useSession();
  const { query } = usePlace();
  const label = query.get("label") ?? undefined;
  const { bucket } = useBucket(name);
  const path = `/buckets/${uriEncode(name)}/grants`;
  const grants = useDocument<Grants>(path, { query: { label } });
  const [going, setGoing] = useState<Grants["grants"][number] | null>(null);
  const at = label ? `${path}?label=${uriEncode(label)}` : path;
  const set = async (to: string, right: string | null) => {
    await api.put(at, { to, right });
    await grants.refresh();
  };
  return (
    <BucketPage name={name} bucket={bucket} at="access" refused={grants.error}>
      <Panel title="Grants" aside={grants.data && <Label of={grants.data.label} />}>
        <Load of={grants}>
          {({ grants: rows }) => (
            <Table
              caption={`Who may use ${name}`}
              rows={rows}
              name={(row) => row.to}
              empty={<Empty title="Nobody but its owner">A grant lets a person or a group in, within their clearance: what lies above them stays absent, whatever is granted.</Empty>}
              columns={[
                { head: "To", cell: (row) => row.to.replace(/^group:/, "group "), by: (row) => row.to },
                { head: "May", cell: (row) => RIGHTS.find((right) => right.value === row.right)?.label ?? row.right, by: (row) => row.right },
                {
                  head: "",
                  cell: (row) => (
                    <Button size="compact-xs" variant="subtle" onClick={() => setGoing(row)}>
                      Take back …
                    </Button>
                  ),
                },
              ]}
            />
          )}
        </Load>
      </Panel>
      <Panel title="Grant">
        <Granting set={set} />
      </Panel>
      <Confirm open={going !== null} title="Take the grant back" deed="Take it back" act={() => set(going?.to ?? "", null)} close={() => setGoing(null)}>
        {going && (
          <p>
            {going.to.replace(/^group:/, "Everybody in the group ")} can no longer {going.right} here, from now on, also in what is under way. Access control lists may still name them.
          </p>
        )}
      </Confirm>
    </BucketPage>
  );
}

function Granting({ set }: { set: (to: string, right: string) => Promise<void> }) {
  const { may } = useSession();
  const people = useDocument<{ users: { user: string; role: string }[] }>(may("SeePeople") ? "/users" : null);
  const groups = useDocument<{ groups: { group: string }[] }>(may("SeePeople") ? "/groups" : null);
  const [kind, setKind] = useState("user");
  const [to, setTo] = useState("");
  const [right, setRight] = useState("read");
  const known = kind === "user" ? people.data?.users.filter((user) => user.role === "mission-owner").map((user) => user.user) : groups.data?.groups.map((group) => group.group);
  const { busy, problem, submit } = useDeed(async () => {
    await set(kind === "group" ? `group:${to}` : to, right);
    setTo("");
  });
  return (
    <form className="stack" onSubmit={submit}>
      <div className={classes.fields}>
        <Select label="To a" data={[{ value: "user", label: "person" }, { value: "group", label: "group" }]} value={kind} onChange={(value) => (setKind(value ?? "user"), setTo(""))} allowDeselect={false} />
        {known ? (
          <Select label="Name" data={known} value={to || null} onChange={(value) => setTo(value ?? "")} searchable limit={OFFERED_MAX} nothingFoundMessage="Nobody of this name" />
        ) : (
          <TextInput label="Name" value={to} onChange={(event) => setTo(event.currentTarget.value)} autoComplete="off" spellCheck={false} />
        )}
        <Select label="May" data={RIGHTS} value={right} onChange={(value) => setRight(value ?? "read")} allowDeselect={false} />
        <Button type="submit" loading={busy} disabled={to === ""}>
          Grant
        </Button>
      </div>
      {problem && <Failure problem={problem} />}
    </form>
  );
}
