// One object: what it is, what it looks like, where its pieces lie, its versions, tags and locks.

import { Button, Modal, Select } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { unanswered, type Problem } from "../../api/problem";
import { Link, usePlace, type Params } from "../../router";
import { useSession } from "../../session";
import { uriEncode } from "../../sign/sigv4";
import { Confirm } from "../../ui/confirm";
import { bytes, moment } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Age, Bytes, Code, Empty, Facts, Failure, Load, Page, Panel, State } from "../../ui/parts";
import { Label } from "../people/Label";
import { useBucket, writable } from "./BucketPage";
import { LockPanel } from "./LockPanel";
import { Name } from "./Name";
import { PiecesPanel } from "./PiecesPanel";
import { PreviewPanel } from "./PreviewPanel";
import { TagsPanel } from "./TagsPanel";
import classes from "./buckets.module.css";
import { useLoaded } from "./loaded";
import { fileName, shown, steps, typeable, unaskable } from "./names";
import { toBucket, toFolder, toObject } from "./paths";
import { isLoopback } from "./reach";
import { head, remove, restore, versions, type Head, type Version } from "./s3";

export function ObjectPage({ params }: { params: Params }) {
  const name = params.bucket ?? "";
  const { session, s3 } = useSession();
  const { query, go } = usePlace();
  const key = query.get("key") ?? "";
  const version = query.get("version");
  const { bucket } = useBucket(name);
  const [sharing, setSharing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const cannot = unaskable(key);
  const told = useLoaded<Head>(key && !cannot ? `${name}\n${key}\n${version ?? ""}` : null, () => head(s3, name, key, version));
  const own = useLoaded<Version[]>(key && !cannot ? `${name}\n${key}` : null, async () => {
    const found = await versions(s3, name, key, null, 1000);
    return found.versions.filter((one) => one.key === key);
  });
  const mayWrite = session.role === "mission-owner" && writable(bucket, session.label);
  const keeps = bucket?.versioning === "enabled";
  const way = steps(key.slice(0, key.lastIndexOf("/") + 1));

  const download = async () => {
    const disposition = `attachment; filename="${fileName(key).replace(/[^\x20-\x7e]/g, "_")}"; filename*=UTF-8''${encodeURIComponent(fileName(key))}`;
    const link = await s3.presign("GET", { bucket: name, key, query: { "response-content-disposition": disposition, versionId: version ?? undefined } }, 300);
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.rel = "noreferrer";
    anchor.click();
  };
  const refresh = () => void Promise.all([told.refresh(), own.refresh()]);

  if (!key) {
    return (
      <Page title={name}>
        <Empty title="No object is named">
          <Link to={toBucket(name)}>Choose one in the bucket</Link>
        </Empty>
      </Page>
    );
  }
  const last = lastOf(key);
  return (
    <Page
      title={shown(last)}
      lead={
        <span className={classes.way}>
          <Link to={toFolder(name, "")}>{name}</Link>
          {way.map((step) => (
            <span key={step.prefix} style={{ display: "contents" }}>
              <span aria-hidden="true">/</span>
              <Link to={toFolder(name, step.prefix)}>
                <Name of={step.name} />
              </Link>
            </span>
          ))}
          {bucket && <Label of={bucket.label} />}
          {version && <State kind="plain">one version of it</State>}
        </span>
      }
      actions={
        told.data && (
          <>
            <Button leftSection={<Icon name="download" size={16} />} onClick={() => void download()}>
              Download
            </Button>
            <Button variant="default" leftSection={<Icon name="copy" size={16} />} onClick={() => setSharing(true)}>
              Share …
            </Button>
            {mayWrite && (
              <Button variant="default" leftSection={<Icon name="trash" size={16} />} onClick={() => setDeleting(true)}>
                Delete …
              </Button>
            )}
          </>
        )
      }
    >
      {cannot ? (
        <Empty title="This object cannot be looked at in a browser">
          <p>Its name is <Name of={key} wrap />: {cannot}.</p>
        </Empty>
      ) : (
        <Load of={told} quiet={(problem) => <Gone problem={problem} bucket={name} objectKey={key} versions={own.data ?? []} restored={refresh} mayWrite={mayWrite} />}>
          {(it) => (
            <>
              <div className={classes.two}>
                <div className="stack">
                  <PreviewPanel bucket={name} objectKey={key} version={version} contentType={it.contentType} size={it.bytes} etag={it.etag} />
                  <PiecesPanel bucket={name} objectKey={key} version={version} etag={it.etag} />
                </div>
                <div className="stack">
                  <Panel
                    title="What it is"
                    aside={
                      session.labels.length > 1 && (
                        <Link to={`/releases?ask=1&bucket=${uriEncode(name)}&key=${uriEncode(key)}${version ? `&version=${uriEncode(version)}` : ""}`}>Ask for a release to a lower label</Link>
                      )
                    }
                  >
                    <Facts
                      of={[
                        ["Name", <Name key="n" of={key} wrap />],
                        ["Size", <Bytes key="b" of={it.bytes} />],
                        ["Written", <Age key="a" at={it.modified} />],
                        ["Type", it.contentType || "–"],
                        ["ETag", <code key="e">{it.etag}</code>],
                        ...(it.version ? ([["Version", <code key="v">{it.version}</code>]] as [string, ReactNode][]) : []),
                        ...(it.expires ? ([["Goes", shown(it.expires)]] as [string, ReactNode][]) : []),
                        ...[...it.headers, ...it.metadata].map(([header, value]): [string, ReactNode] => [shown(header), <Name key={header} of={value} wrap />]),
                      ]}
                    />
                  </Panel>
                  <VersionsPanel bucket={name} objectKey={key} at={version} versions={own} mayWrite={mayWrite} keeps={keeps} refresh={refresh} />
                  <TagsPanel bucket={name} objectKey={key} version={version} mayWrite={mayWrite} />
                  <LockPanel bucket={name} objectKey={key} version={version} head={it} mayWrite={mayWrite} refresh={refresh} />
                </div>
              </div>
              <Share open={sharing} bucket={name} objectKey={key} version={version} close={() => setSharing(false)} />
              <Confirm
                open={deleting}
                title={version ? "Delete this version" : "Delete the object"}
                deed={version ? "Delete the version for good" : "Delete the object"}
                word={wordOf(last)}
                danger
                act={async () => {
                  await remove(s3, name, key, version, false);
                  if (version) go(toObject(name, key), { replace: true });
                  else go(toFolder(name, way.at(-1)?.prefix ?? ""));
                }}
                close={() => setDeleting(false)}
              >
                <p>
                  <Name of={key} wrap />, {bytes(it.bytes)}
                  {version ? `, as it was written ${moment(it.modified)}` : ""}.
                </p>
                <p>
                  {version
                    ? "This one version goes for good, at every vendor. Other versions stay."
                    : keeps
                      ? "The bucket keeps versions: it is out of the way, and can be brought back."
                      : "The bucket keeps no versions: it is gone for good, at every vendor."}
                </p>
              </Confirm>
            </>
          )}
        </Load>
      )}
    </Page>
  );
}

function lastOf(key: string): string {
  return key.split("/").filter(Boolean).at(-1) ?? key;
}

/** What has to be typed: the name, where a person could. */
function wordOf(name: string): string {
  return typeable(name) ? name : "delete";
}

function Gone(props: { problem: Problem; bucket: string; objectKey: string; versions: Version[]; restored: () => void; mayWrite: boolean }) {
  const { problem, bucket, objectKey, versions: found, restored, mayWrite } = props;
  const { s3 } = useSession();
  const [failure, setFailure] = useState<Problem | null>(null);
  const last = found.find((one) => !one.marker);
  if (problem.status !== 404 || !last) return <Failure problem={problem} title="This could not be loaded" />;
  return (
    <div className={classes.empty}>
      <Icon name="trash" size={36} />
      <p>
        <strong>It was deleted, and can be brought back</strong>
      </p>
      <p>
        Its last version has <Bytes of={last.bytes} />, written <Age at={last.modified} />. <Link to={toObject(bucket, objectKey, last.id)}>Look at it</Link>
      </p>
      {mayWrite && (
        <Button
          mt="sm"
          onClick={() =>
            void restore(s3, bucket, objectKey, last.id)
              .then(restored)
              .catch((error: unknown) => setFailure(unanswered(error)))
          }
        >
          Bring it back
        </Button>
      )}
      {failure && <Failure problem={failure} />}
    </div>
  );
}

function VersionsPanel(props: {
  bucket: string;
  objectKey: string;
  at: string | null;
  versions: ReturnType<typeof useLoaded<Version[]>>;
  mayWrite: boolean;
  keeps: boolean;
  refresh: () => void;
}) {
  const { bucket, objectKey, at, versions: own, mayWrite, keeps, refresh } = props;
  const { s3 } = useSession();
  const { go } = usePlace();
  const [wanted, setWanted] = useState<Version | null>(null);
  return (
    <Panel title="Versions" aside={keeps ? "kept" : "this bucket keeps none now"}>
      <Load of={own}>
        {(found) => (
          <ol className={classes.versions}>
            {found.map((one) => {
              const here = at ? one.id === at : one.latest;
              return (
                <li key={one.id} aria-current={here ? "true" : undefined}>
                  <span>
                    {one.marker ? (
                      <State kind="off">deleted</State>
                    ) : (
                      <Link to={toObject(bucket, objectKey, one.latest ? null : one.id)}>
                        <Bytes of={one.bytes} />
                      </Link>
                    )}{" "}
                    {one.latest && <State kind="ok">newest</State>} {here && <span className="muted">shown here</span>}
                  </span>
                  <span className="muted">
                    <Age at={one.modified} />
                  </span>
                  {mayWrite && !one.latest && !one.marker && (
                    <Button size="compact-xs" variant="default" onClick={() => setWanted(one)} aria-label={`Restore the version of ${moment(one.modified)}`}>
                      Restore
                    </Button>
                  )}
                </li>
              );
            })}
          </ol>
        )}
      </Load>
      <Confirm
        open={wanted !== null}
        title="Restore this version"
        deed="Restore it"
        word={keeps ? undefined : wordOf(lastOf(objectKey))}
        danger={!keeps}
        act={async () => {
          if (wanted) await restore(s3, bucket, objectKey, wanted.id);
          refresh();
          go(toObject(bucket, objectKey), { replace: true });
        }}
        close={() => setWanted(null)}
      >
        {wanted && (
          <>
            <p>
              As it was written {moment(wanted.modified)}: <Bytes of={wanted.bytes} />, ETag <code>{wanted.etag}</code>.
            </p>
            <p>It becomes the newest by a copy. {keeps ? "What is newest now stays as an older version." : "This bucket keeps no versions now: what is newest now is replaced for good."} No bytes are moved: the copy shares them.</p>
          </>
        )}
      </Confirm>
    </Panel>
  );
}

const EXPIRIES = [
  { value: "3600", label: "1 hour" },
  { value: "28800", label: "8 hours" },
  { value: "86400", label: "1 day" },
  { value: "259200", label: "3 days" },
  { value: "604800", label: "7 days, the longest there is" },
];

function Share({ open, bucket, objectKey, version, close }: { open: boolean; bucket: string; objectKey: string; version: string | null; close: () => void }) {
  const { s3, session } = useSession();
  const [expiry, setExpiry] = useState("3600");
  const [link, setLink] = useState<{ url: string; until: Date } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const make = async () => {
    try {
      const url = await s3.presign("GET", { bucket, key: objectKey, query: { versionId: version ?? undefined } }, Number(expiry));
      setLink({ url, until: new Date(Date.now() + Number(expiry) * 1000) });
      setProblem(null);
    } catch (error) {
      setProblem(unanswered(error));
    }
  };
  const end = () => {
    setLink(null);
    close();
  };
  return (
    <Modal opened={open} onClose={end} title="Share by a link" size="lg">
      <div className="stack">
        <p>
          Whoever has the link can read <Name of={objectKey} wrap />, with no key of their own, until it expires or your key is revoked. It cannot be taken back alone. Give it to nobody who may not see {session.label}.
        </p>
        {isLoopback(s3.endpoint) ? (
          <p>
            It leads to <code>{s3.endpoint}</code> and opens on this machine alone. For links that others can open, an operator sets <code>endpoint</code> under <code>[s3]</code> in the
            settings.
          </p>
        ) : (
          <p>
            It leads to <code>{s3.endpoint}</code> and opens wherever that is reached.
          </p>
        )}
        <div className={classes.fields}>
          <Select
            label="Holds for"
            data={EXPIRIES}
            value={expiry}
            onChange={(value) => {
              setExpiry(value ?? "3600");
              setLink(null);
            }}
            allowDeselect={false}
            comboboxProps={{ withinPortal: false }}
          />
          <Button onClick={() => void make()}>
            Make the link
          </Button>
        </div>
        {problem && <Failure problem={problem} />}
        {link && (
          <>
            <Code text={link.url} label="the link" />
            <p>Expires {moment(link.until.toISOString())}.</p>
          </>
        )}
      </div>
    </Modal>
  );
}
