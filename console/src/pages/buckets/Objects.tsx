// What lies in a bucket, page by page: by prefix and delimiter, so that millions are as quick as ten.

import { Button, Checkbox, FileButton, TextInput } from "@mantine/core";
import { type DragEvent, type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";

import { Link, usePlace, type Params } from "../../router";
import { useSession } from "../../session";
import { bytes, counted } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Age, Bytes, Load, State } from "../../ui/parts";
import { BucketPage, useBucket, writable } from "./BucketPage";
import { Deletion } from "./Deletion";
import { Name } from "./Name";
import classes from "./buckets.module.css";
import { ofDrop, ofInput, type Chosen } from "./files";
import { nameOf, type Entry } from "./listing";
import { useLoaded } from "./loaded";
import { below, folderOf, shown, steps, unaskable } from "./names";
import { toBucket, toFolder, toObject } from "./paths";
import { list, versioning, versions as listVersions, type Version } from "./s3";
import { useQueue, useUploads } from "./uploads";

const PAGE = 200;

type Row = Entry | { kind: "version"; version: Version };

export function Objects({ params }: { params: Params }) {
  const name = params.bucket ?? "";
  const { session, s3 } = useSession();
  const { query, go } = usePlace();
  const queue = useQueue();
  const { bucket, refresh: refreshBucket } = useBucket(name);
  const prefix = query.get("prefix") ?? "";
  const folder = folderOf(prefix);
  const after = query.get("after");
  const old = query.get("versions") === "1";
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [deleting, setDeleting] = useState(false);
  const came = useRef(new Map<string, string | null>());
  const resetFiles = useRef<() => void>(null);
  const [dropping, setDropping] = useState(false);
  const mayWrite = session.role === "mission-owner" && writable(bucket, session.label);
  const keeps = bucket?.versioning === "enabled";

  const page = useLoaded<{ rows: Row[]; next: string | null }>(`${name}\n${prefix}\n${after ?? ""}\n${old}`, async () => {
    if (!old) {
      const found = await list(s3, name, prefix, after, PAGE);
      return { rows: found.entries, next: found.next };
    }
    const from = after ? (JSON.parse(after) as { key: string; id: string }) : null;
    const found = await listVersions(s3, name, prefix, from, PAGE, "/");
    const rows: Row[] = [...found.folders.map((one): Row => ({ kind: "folder", prefix: one })), ...found.versions.map((version): Row => ({ kind: "version", version }))];
    return { rows, next: found.next && JSON.stringify(found.next) };
  });

  // What was chosen is of the page that was looked at.
  useEffect(() => setChosen(new Set()), [prefix, after, old]);

  const finished = useUploads().filter((item) => item.bucket === name && item.state === "done").length;
  const { refresh } = page;
  useEffect(() => {
    if (finished > 0) void Promise.all([refresh(), refreshBucket()]);
  }, [finished, refresh, refreshBucket]);

  const add = async (files: Chosen[]) => {
    // What is not known yet is asked: nothing is replaced for good unasked.
    const kept = bucket ? keeps : (await versioning(s3, name).catch(() => null)) === "Enabled";
    queue.add(files.map(({ path, file }) => ({ bucket: name, key: folder + path, file, replace: kept })));
    resetFiles.current?.();
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setDropping(false);
    if (mayWrite) void ofDrop(event.dataTransfer.items).then(add);
  };
  const at = (changes: { prefix?: string; after?: string | null; versions?: boolean }) =>
    toBucket(name, "objects", {
      prefix: (changes.prefix ?? prefix) || undefined,
      after: (changes.after === undefined ? after : changes.after) ?? undefined,
      versions: (changes.versions ?? old) ? "1" : undefined,
    });
  const forward = (next: string) => {
    came.current.set(next, after);
    go(at({ after: next }));
  };

  return (
    <BucketPage
      name={name}
      bucket={bucket}
      at="objects"
      refused={page.error}
      actions={
        mayWrite && (
          <>
            <FileButton multiple resetRef={resetFiles} onChange={(files) => void add(ofInput(files))} inputProps={{ "aria-label": "Files to upload" }}>
              {(button) => (
                <Button {...button} leftSection={<Icon name="upload" size={16} />}>
                  Upload files
                </Button>
              )}
            </FileButton>
            <FolderButton onChosen={(files) => void add(files)} />
          </>
        )
      }
    >
      <div
        className={dropping ? `${classes.drop} ${classes.dropping}` : classes.drop}
        data-drop={`Drop files and folders here to put them into ${shown(folder) || name}`}
        onDragOver={(event) => {
          if (!mayWrite || !event.dataTransfer.types.includes("Files")) return;
          event.preventDefault();
          setDropping(true);
        }}
        onDragLeave={(event) => {
          if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropping(false);
        }}
        onDrop={drop}
      >
        <div className={classes.bar}>
          <Way bucket={name} prefix={prefix} old={old} />
          <Jump key={prefix} prefix={prefix} go={(to) => go(at({ prefix: to, after: null }))} />
          <Checkbox label="Older versions and deleted ones" checked={old} onChange={(event) => go(at({ versions: event.currentTarget.checked, after: null }))} />
        </div>
        <Load of={page}>
          {({ rows, next }) => {
            const choosable = old ? [] : rows.map(idOf);
            return (
              <>
                {chosen.size > 0 && (
                  <div className={classes.chosen} role="status">
                    <strong>{counted(chosen.size, "thing")} chosen</strong>
                    <Button size="compact-sm" color="red" variant="light" leftSection={<Icon name="trash" size={14} />} onClick={() => setDeleting(true)}>
                      Delete …
                    </Button>
                    <Button size="compact-sm" variant="subtle" onClick={() => setChosen(new Set())}>
                      Choose none
                    </Button>
                  </div>
                )}
                {rows.length === 0 ? (
                  <Nothing prefix={prefix} later={after !== null} mayWrite={mayWrite} old={old} keeps={keeps} />
                ) : (
                  <table className={classes.rows}>
                    <caption className="unseen">What lies in {prefix ? shown(prefix) : name}. Arrow keys go from row to row.</caption>
                    <thead>
                      <tr>
                        {mayWrite && !old && (
                          <th className={classes.check} scope="col">
                            <Checkbox
                              aria-label="Choose all on this page"
                              checked={chosen.size > 0 && choosable.every((id) => chosen.has(id))}
                              indeterminate={chosen.size > 0 && !choosable.every((id) => chosen.has(id))}
                              onChange={(event) => setChosen(new Set(event.currentTarget.checked ? choosable : []))}
                            />
                          </th>
                        )}
                        <th scope="col">Name</th>
                        <th className={classes.figure} scope="col">
                          Size
                        </th>
                        <th className={classes.when} scope="col">
                          Written
                        </th>
                      </tr>
                    </thead>
                    <tbody onKeyDown={move}>
                      {rows.map((row) => {
                        const id = idOf(row);
                        return (
                          <tr key={id} data-chosen={chosen.has(id) || undefined}>
                            {mayWrite && !old && (
                              <td className={classes.check}>
                                <Checkbox
                                  aria-label={`Choose ${shown(nameIn(row, folder))}`}
                                  checked={chosen.has(id)}
                                  onChange={(event) => setChosen(toggled(chosen, id, event.currentTarget.checked))}
                                />
                              </td>
                            )}
                            <td>
                              <Cell bucket={name} folder={folder} row={row} old={old} />
                            </td>
                            <td className={classes.figure}>{row.kind === "object" ? <Bytes of={row.bytes} /> : row.kind === "version" && !row.version.marker ? <Bytes of={row.version.bytes} /> : ""}</td>
                            <td className={classes.when}>{row.kind === "folder" ? "" : <Age at={row.kind === "object" ? row.modified : row.version.modified} />}</td>
                          </tr>
                        );
                      })}
                    </tbody>
                  </table>
                )}
                <footer className={classes.pages}>
                  <span>
                    {counted(rows.length, "row")} on this page{next ? "" : after ? ", the last one" : ""}
                    {!old && rows.length > 1 && `, ${bytes(rows.reduce((sum, row) => sum + (row.kind === "object" ? row.bytes : 0), 0))}`}
                  </span>
                  {(after || next) && (
                    <span style={{ display: "flex", gap: "0.5rem" }}>
                      {after && (
                        <Button variant="default" size="compact-sm" onClick={() => go(at({ after: came.current.get(after) ?? null }))}>
                          {came.current.has(after) ? "Previous page" : "First page"}
                        </Button>
                      )}
                      {next && (
                        <Button variant="default" size="compact-sm" onClick={() => forward(next)}>
                          Next page
                        </Button>
                      )}
                    </span>
                  )}
                </footer>
                <Deletion
                  open={deleting}
                  bucket={name}
                  keeps={keeps}
                  entries={rows.filter((row): row is Entry => row.kind !== "version" && chosen.has(idOf(row)))}
                  close={(done) => {
                    setDeleting(false);
                    if (!done) return;
                    setChosen(new Set());
                    void Promise.all([refresh(), refreshBucket()]);
                  }}
                />
              </>
            );
          }}
        </Load>
      </div>
    </BucketPage>
  );
}

function idOf(row: Row): string {
  return row.kind === "version" ? `v${row.version.key}\n${row.version.id}` : `${row.kind[0]}${nameOf(row)}`;
}

function nameIn(row: Row, folder: string): string {
  return below(folder, row.kind === "version" ? row.version.key : nameOf(row));
}

function toggled(chosen: ReadonlySet<string>, id: string, on: boolean): ReadonlySet<string> {
  const next = new Set(chosen);
  if (on) next.add(id);
  else next.delete(id);
  return next;
}

function Cell({ bucket, folder, row, old }: { bucket: string; folder: string; row: Row; old: boolean }) {
  const name = nameIn(row, folder);
  if (row.kind === "folder") {
    return (
      <span className={`${classes.cell} ${classes.folder}`}>
        <Icon name="folder" />
        <Link to={toFolder(bucket, row.prefix, old)} data-row>
          <Name of={name.replace(/\/$/, "")} />
        </Link>
      </span>
    );
  }
  const key = row.kind === "object" ? row.key : row.version.key;
  const cannot = unaskable(key);
  return (
    <span className={classes.cell}>
      <Icon name={row.kind === "version" && row.version.marker ? "trash" : "file"} />
      {cannot ? (
        <span title={cannot}>
          <Name of={name} />
        </span>
      ) : row.kind === "version" && row.version.marker ? (
        // A marker is nothing to look at; the object's page shows what stands behind it.
        <Link to={toObject(bucket, key)} data-row>
          <Name of={name} />
        </Link>
      ) : (
        <Link to={toObject(bucket, key, row.kind === "version" ? row.version.id : null)} data-row>
          <Name of={name} />
        </Link>
      )}
      {row.kind === "version" && (row.version.marker ? <State kind="off">deleted</State> : row.version.latest ? <State kind="ok">newest</State> : <State kind="plain">older</State>)}
    </span>
  );
}

/** Arrow keys, Home and End go from row to row. */
function move(event: KeyboardEvent<HTMLElement>) {
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-row]")];
  const here = rows.findIndex((row) => row.closest("tr") === (event.target as HTMLElement).closest("tr"));
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined || !rows[to]) return;
  event.preventDefault();
  rows[to].focus();
}

function Way({ bucket, prefix, old }: { bucket: string; prefix: string; old: boolean }) {
  return (
    <nav className={classes.way} aria-label="Where this lies">
      <Link to={toFolder(bucket, "", old)}>{bucket}</Link>
      {steps(prefix).map((step) => (
        <span key={step.prefix} style={{ display: "contents" }}>
          <span aria-hidden="true">/</span>
          <Link to={toFolder(bucket, step.prefix, old)} aria-current={step.prefix === prefix ? "location" : undefined}>
            <Name of={step.name} />
          </Link>
        </span>
      ))}
    </nav>
  );
}

/** Goes to what begins so: in a bucket of millions nobody turns pages. */
function Jump({ prefix, go }: { prefix: string; go: (prefix: string) => void }) {
  const folder = folderOf(prefix);
  const [text, setText] = useState(prefix.slice(folder.length));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    go(folder + text);
  };
  return (
    <form onSubmit={submit} role="search">
      <TextInput
        size="xs"
        aria-label="Names that begin with"
        placeholder="begins with …"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        leftSection={<Icon name="search" size={14} />}
        spellCheck={false}
        autoComplete="off"
      />
    </form>
  );
}

function FolderButton({ onChosen }: { onChosen: (files: Chosen[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={(element) => {
          input.current = element;
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        hidden
        aria-label="Folder to upload"
        onChange={(event) => {
          onChosen(ofInput(event.currentTarget.files ?? []));
          event.currentTarget.value = "";
        }}
      />
      <Button variant="default" leftSection={<Icon name="folder" size={16} />} onClick={() => input.current?.click()}>
        Upload a folder
      </Button>
    </>
  );
}

function Nothing({ prefix, later, mayWrite, old, keeps }: { prefix: string; later: boolean; mayWrite: boolean; old: boolean; keeps: boolean }) {
  if (later) return <div className={classes.empty}>Nothing more: what was on this page is gone.</div>;
  return (
    <div className={classes.empty}>
      <Icon name="folder" size={36} />
      <p>
        <strong>{prefix ? "Nothing begins so" : old ? "No version, and nothing deleted" : "Nothing here yet"}</strong>
      </p>
      <p>
        {mayWrite
          ? "Drop files or folders anywhere in this box, or choose them above. A large file goes in parts and can be interrupted: it goes on where it was."
          : "What is put here by whoever may write shows up here."}
      </p>
      {!old && keeps && <p>Something missing? Look at “Older versions and deleted ones”.</p>}
    </div>
  );
}
