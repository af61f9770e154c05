// Deleting what was chosen: counted first, folders with all that is in them, then done a thousand at a time.

import { useRef, useState } from "react";

import { useSession } from "../../session";
import { Confirm } from "../../ui/confirm";
import { bytes, counted } from "../../ui/format";
import { Failure, Progress } from "../../ui/parts";
import { Name } from "./Name";
import type { Entry } from "./listing";
import { useLoaded } from "./loaded";
import { nameOf } from "./listing";
import { list, removeMany, type Undeleted } from "./s3";

/** What is counted before one is asked to take a tool that is made for it. */
const COUNTED_MAX = 100_000;
const AT_ONCE = 1000;

interface Plan {
  keys: string[];
  bytes: number;
  more: boolean;
}

interface Props {
  open: boolean;
  bucket: string;
  keeps: boolean;
  entries: Entry[];
  close: (done: boolean) => void;
}

export function Deletion({ open, bucket, keeps, entries, close }: Props) {
  const { s3 } = useSession();
  const [done, setDone] = useState<number | null>(null);
  const [left, setLeft] = useState<Undeleted[]>([]);
  const began = useRef(false);
  const name = open ? entries.map(nameOf).join("\n") : null;

  const plan = useLoaded<Plan>(name, async (signal) => {
    const all: Plan = { keys: [], bytes: 0, more: false };
    for (const entry of entries) {
      if (entry.kind === "object") {
        all.keys.push(entry.key);
        all.bytes += entry.bytes;
        continue;
      }
      let after: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof list>> = await list(s3, bucket, entry.prefix, after, AT_ONCE, "");
        signal.throwIfAborted();
        for (const one of page.entries) {
          if (one.kind !== "object") continue;
          all.keys.push(one.key);
          all.bytes += one.bytes;
        }
        if (all.keys.length >= COUNTED_MAX) return { ...all, more: true };
        after = page.next;
      } while (after);
    }
    return all;
  });

  const act = async () => {
    const keys = plan.data?.keys ?? [];
    began.current = true;
    setLeft([]);
    const failed: Undeleted[] = [];
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      setDone(at);
      const some = keys.slice(at, at + AT_ONCE).map((key) => ({ key }));
      failed.push(...(await removeMany(s3, bucket, some)));
    }
    setDone(null);
    setLeft(failed);
    if (failed.length > 0) throw new Error(`${counted(failed.length, "object")} could not be deleted: ${failed[0]?.message ?? ""}`);
  };

  const end = () => {
    close(began.current);
    began.current = false;
    setDone(null);
    setLeft([]);
  };

  const data = plan.data;
  return (
    <Confirm
      open={open}
      title="Delete what is chosen"
      deed={data ? `Delete ${counted(data.keys.length, "object")}` : "Delete"}
      word="delete"
      danger
      ready={data !== undefined && data.keys.length > 0}
      forbidden={data?.more}
      act={act}
      close={end}
    >
      {plan.error && <Failure problem={plan.error} again={() => void plan.refresh()} />}
      {!data && !plan.error && <p role="status">Counts what would go …</p>}
      {data && (
        <>
          <p>
            <strong>
              {counted(data.keys.length, "object")}, {bytes(data.bytes)}
            </strong>{" "}
            {entries.length === 1 ? "in " : `in ${counted(entries.length, "chosen thing")}: `}
            {entries.slice(0, 5).map((entry, index) => (
              <span key={nameOf(entry)}>
                {index > 0 && ", "}
                <Name of={nameOf(entry)} wrap />
              </span>
            ))}
            {entries.length > 5 && " …"}
          </p>
          {data.more && <p className="note">These are more than {counted(COUNTED_MAX, "object")}: delete by a lifecycle rule, or with a client that is made for so many.</p>}
          <p>
            {keeps
              ? "The bucket keeps versions: what is deleted is out of the way, and can be brought back from “Older versions and deleted ones”."
              : "The bucket keeps no versions: what is deleted is gone for good, at every vendor."}
          </p>
        </>
      )}
      {done !== null && data && <Progress done={done} total={data.keys.length} label="Deleting" />}
      {left.length > 0 && (
        <ul>
          {left.slice(0, 10).map((one) => (
            <li key={one.key}>
              <Name of={one.key} wrap />: {one.message}
            </li>
          ))}
        </ul>
      )}
    </Confirm>
  );
}
