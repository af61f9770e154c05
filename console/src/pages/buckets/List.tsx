// All buckets of a session, and a new one.

import { Button, Modal, Radio, Stack, Switch, TextInput } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import { Link, usePlace } from "../../router";
import { useSession } from "../../session";
import { useDeed } from "../../ui/deed";
import { count } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Age, Bytes, Empty, Failure, Load, Page } from "../../ui/parts";
import { Table } from "../../ui/table";
import { Label } from "../people/Label";
import { isCounted, offered, type Bucket, type Buckets } from "./documents";
import { MovesPanel } from "./Placement";
import { toBucket, type Tab } from "./paths";
import { setLockDefault, setVersioning } from "./s3";

export function BucketList() {
  const { s3, session, may } = useSession();
  const { query, go } = usePlace();
  const mine = may("AskRelease");
  // To whoever does not use data it is a matter of who may, or of how it is spread.
  const tab: Tab | null = mine ? "objects" : may("Keep") ? "placement" : may("Grant") ? "access" : null;
  const buckets = useDocument<Buckets>("/buckets", { every: 15 });
  const make = mine && (
    <Button leftSection={<Icon name="plus" size={16} />} onClick={() => go("/buckets?new=1")}>
      New bucket
    </Button>
  );
  return (
    <Page title="Buckets" lead={mine ? "Everything this session may see. What lies above its label is not here." : "At or below this session. What is in them is for those who use data."} actions={make}>
      <Load of={buckets}>
        {({ buckets: rows }) => (
          <div className="panel">
            <Table
              caption="Buckets"
              rows={rows}
              name={(row) => `${row.label} ${row.name}`}
              empty={
                <Empty title="No bucket yet">
                  {!mine && <p>Mission owners make them, each at the label of their session.</p>}
                  <p>
                    A bucket holds objects at one label, that of the session that makes it. What you put into it is encrypted and spread over several vendors, so that none of
                    them can lose it or read it.
                  </p>
                  {make}
                </Empty>
              }
              columns={[
                { head: "Name", cell: (row) => (tab ? <Link to={toBucket(row.name, tab, tab === "access" ? { label: row.label } : {})}>{row.name}</Link> : row.name), by: (row) => row.name },
                { head: "Label", cell: (row) => <Label of={row.label} />, by: (row) => row.label, minor: true },
                { head: "Owner", cell: (row) => row.owner ?? <span className="muted">not told at this label</span>, by: (row) => row.owner, minor: true },
                { head: "Objects and versions", cell: (row) => (isCounted(row, s3, session) ? count(row.objects) : <span className="muted">not counted yet</span>), by: (row) => row.objects, numeric: true },
                { head: "Size", cell: (row) => (isCounted(row, s3, session) ? <Bytes of={row.bytes} /> : "–"), by: (row) => row.bytes, numeric: true },
                { head: "Profile", cell: (row) => row.profile, by: (row) => row.profile, minor: true },
                { head: "Versions", cell: (row) => versioningWord(row), by: (row) => row.versioning, minor: true },
                { head: "Made", cell: (row) => <Age at={row.created} />, by: (row) => row.created, minor: true },
              ]}
            />
            {rows.length > 0 && (
              <p className="muted small">
                Objects and sizes are counted about once a minute, older versions among them; last: <Age at={rows.find((row) => row.counted !== null)?.counted} />.
              </p>
            )}
          </div>
        )}
      </Load>
      {may("Keep") && <MovesPanel />}
      <NewBucket open={mine && query.get("new") === "1"} close={() => go("/buckets", { replace: true })} done={() => void buckets.refresh()} />
    </Page>
  );
}

export function versioningWord(bucket: Pick<Bucket, "versioning">): string {
  const { versioning: status } = bucket;
  if (status === "enabled") return "kept";
  return status === "suspended" ? "suspended" : "not kept";
}

const NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

function NewBucket({ open, close, done }: { open: boolean; close: () => void; done: () => void }) {
  const { api, s3, session } = useSession();
  const { go } = usePlace();
  const [name, setName] = useState("");
  const [profile, setProfile] = useState("");
  const [versions, setVersions] = useState(true);
  const [lockable, setLockable] = useState(false);
  const wrong = name !== "" && !NAME.test(name) ? "3 to 63 small letters, digits, dots and hyphens, with a letter or digit at both ends" : null;

  const { busy, problem, submit } = useDeed(async () => {
    await api.post("/buckets", profile ? { name, profile } : { name });
    if (versions || lockable) await setVersioning(s3, name, "Enabled");
    if (lockable) await setLockDefault(s3, name, null);
    close();
    done();
    go(toBucket(name));
  });

  return (
    <Modal opened={open} onClose={close} title="New bucket" size="lg" lockScroll={false} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Name"
            description="Found by this name through S3 too"
            placeholder="first-light"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={wrong}
            autoComplete="off"
            spellCheck={false}
            required
            data-autofocus
          />
          <div>
            <strong>Label</strong>
            <p className="plain">
              <Label of={session.label} /> The session’s, for good: another label takes another key.
            </p>
          </div>
          <Radio.Group label="Profile" description="How its bytes are spread. It can be changed later, while the bucket is in use." value={profile} onChange={setProfile}>
            <Stack gap="xs" mt="xs">
              <Radio value="" label="As the enclave does by default" />
              {offered(null).map((one) => (
                <Radio key={one.name} value={one.name} label={`${one.name} (${one.code})`} description={`Survives ${one.survives}; takes ${one.size}; needs ${one.needs}`} />
              ))}
            </Stack>
          </Radio.Group>
          <Switch
            label="Keep versions"
            description="What is overwritten or deleted can be brought back"
            checked={versions || lockable}
            disabled={lockable}
            onChange={(event) => setVersions(event.currentTarget.checked)}
          />
          <Switch
            label="Allow object lock"
            description="Versions can be kept from being deleted, by date or by legal hold. This cannot be taken back."
            checked={lockable}
            onChange={(event) => setLockable(event.currentTarget.checked)}
          />
          {problem && <Failure problem={problem} title="The bucket was not made" />}
          <Button type="submit" loading={busy} disabled={!NAME.test(name)}>
            Make the bucket
          </Button>
        </Stack>
      </form>
    </Modal>
  );
}
