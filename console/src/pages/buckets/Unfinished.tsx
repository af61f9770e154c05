// Uploads that were begun and not finished: whoever chooses the file again goes on where it was.

import { Button, FileButton } from "@mantine/core";
import { useState } from "react";

import { Link, type Params } from "../../router";
import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { counted } from "../../ui/format";
import { Age, Bytes, Empty, Load } from "../../ui/parts";
import { Table } from "../../ui/table";
import { BucketPage, useBucket, writable } from "./BucketPage";
import { Name } from "./Name";
import { useLoaded } from "./loaded";
import { shown } from "./names";
import { toBucket } from "./paths";
import { giveUp, parts, uploads } from "./s3";
import type { Pending } from "./upload";
import { useQueue, useUploads } from "./uploads";

/** Asked one by one for their parts at most; the rest are told without. */
const ASKED_MAX = 50;

interface Row extends Pending {
  /** What is there of it; `null` where it was not asked, or is not this session's to see. */
  there: { parts: number; bytes: number } | null;
}

export function Unfinished({ params }: { params: Params }) {
  const name = params.bucket ?? "";
  const { session, s3 } = useSession();
  const { bucket } = useBucket(name);
  const queue = useQueue();
  const running = useUploads().filter((item) => item.bucket === name && (item.state === "running" || item.state === "waiting"));
  const mayWrite = session.role === "mission-owner" && writable(bucket, session.label);
  const keeps = bucket?.versioning === "enabled";
  const [leaving, setLeaving] = useState<Row | null>(null);
  const rows = useLoaded<Row[]>(`${name}\n${running.length}`, async (signal) => {
    const begun = await uploads(s3, name, "", signal);
    const found: Row[] = [];
    for (const [index, upload] of begun.entries()) {
      const asked = index < ASKED_MAX ? await parts(s3, name, upload.key, upload.id, signal).catch(() => null) : null;
      found.push({ ...upload, there: asked && { parts: asked.length, bytes: asked.reduce((sum, part) => sum + part.bytes, 0) } });
    }
    return found;
  });
  const underWay = (row: Row) => running.some((item) => item.key === row.key);
  return (
    <BucketPage name={name} bucket={bucket} at="uploads" refused={rows.error}>
      <Load of={rows}>
        {(found) => (
          <div className="panel">
          <Table
            caption="Uploads that were begun and not finished"
            rows={found}
            name={(row) => row.id}
            empty={
              <Empty title="No upload is unfinished">
                <p>
                  A large file goes in parts. If the line is cut or the page closed, what was sent stays here, and <Link to={toBucket(name)}>choosing the same file again</Link> goes on with it: each part
                  is compared by its digest.
                </p>
              </Empty>
            }
            columns={[
              { head: "Name", cell: (row) => <Name of={row.key} wrap />, by: (row) => row.key },
              { head: "Begun", cell: (row) => <Age at={row.initiated} />, by: (row) => row.initiated },
              { head: "There already", cell: (row) => (row.there ? <Bytes of={row.there.bytes} /> : "–"), by: (row) => row.there?.bytes, numeric: true },
              { head: "Parts", cell: (row) => row.there?.parts ?? "–", numeric: true, minor: true },
              {
                head: "",
                cell: (row) =>
                  mayWrite &&
                  (underWay(row) ? (
                    "under way here"
                  ) : (
                    <span className="row">
                      <FileButton
                        onChange={(file) => file && queue.add([{ bucket: name, key: row.key, file, replace: keeps, resume: row.id }])}
                        inputProps={{ "aria-label": `The file to go on with ${shown(row.key)}` }}
                      >
                        {(button) => (
                          <Button {...button} size="compact-xs" variant="default">
                            Choose the file to go on
                          </Button>
                        )}
                      </FileButton>
                      <Button size="compact-xs" variant="subtle" onClick={() => setLeaving(row)}>
                        Give up …
                      </Button>
                    </span>
                  )),
              },
            ]}
          />
          </div>
        )}
      </Load>
      <Confirm
        open={leaving !== null}
        title="Give this upload up"
        deed="Give it up"
        word="give up"
        danger
        act={async () => {
          if (leaving) await giveUp(s3, name, leaving.key, leaving.id);
          await rows.refresh();
        }}
        close={() => setLeaving(null)}
      >
        {leaving && (
          <p>
            <Name of={leaving.key} wrap />: {leaving.there ? `${counted(leaving.there.parts, "part")}, ` : ""}
            <Bytes of={leaving.there?.bytes} /> that were sent go, and would have to be sent again. Objects are not touched.
          </p>
        )}
      </Confirm>
    </BucketPage>
  );
}
