// What is being uploaded, in a corner of every page.

import { ActionIcon, Button, Progress } from "@mantine/core";
import { useEffect, useState } from "react";

import { Link } from "../../router";
import { bytes, counted, duration } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { State, sentence } from "../../ui/parts";
import { Name } from "./Name";
import classes from "./buckets.module.css";
import { shown } from "./names";
import { toObject } from "./paths";
import type { Item, Queue } from "./queue";
import { useQueue, useUploads } from "./uploads";

/** Drawn at most: a folder may have thousands of files. */
const SHOWN_MAX = 50;

export function UploadTray() {
  const queue = useQueue();
  const items = useUploads();
  const [open, setOpen] = useState(true);
  // It stands on every page of a session: when it goes, the session is over, and so is what was signed in it.
  useEffect(() => () => queue.end(), [queue]);
  if (items.length === 0) return null;
  const left = items.filter((item) => item.state === "waiting" || item.state === "running");
  const done = items.filter((item) => item.state === "done");
  const trouble = items.filter((item) => ["failed", "exists", "stopped"].includes(item.state));
  // What asks for something first, then what moves.
  const order = [...trouble, ...left, ...done].slice(0, SHOWN_MAX);
  const title = left.length > 0 ? `Uploading ${counted(left.length, "file")}` : trouble.length > 0 ? `${counted(trouble.length, "upload")} to look at` : "Uploaded";
  return (
    <section className={classes.tray} aria-label="Uploads">
      <header>
        <strong style={{ flex: 1 }} aria-live="polite">
          {title}
        </strong>
        {done.length > 0 && (
          <Button size="compact-xs" variant="subtle" onClick={() => queue.forgetDone()}>
            Clear {counted(done.length, "finished one")}
          </Button>
        )}
        <ActionIcon variant="subtle" aria-label={open ? "Fold the uploads" : "Show the uploads"} aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? "down" : "up"} size={16} />
        </ActionIcon>
      </header>
      {open && (
        <ul>
          {order.map((item) => (
            <Row key={item.id} item={item} queue={queue} />
          ))}
          {items.length > order.length && <li>… and {counted(items.length - order.length, "more file")}</li>}
        </ul>
      )}
    </section>
  );
}

function Row({ item, queue }: { item: Item; queue: Queue }) {
  const { progress } = item;
  const part = progress && progress.total > 0 ? (progress.done / progress.total) * 100 : 0;
  const name = item.key.split("/").at(-1) ?? item.key;
  return (
    <li data-state={item.state}>
      <div>
        {item.state === "done" ? (
          <Link to={toObject(item.bucket, item.key)}>
            <Name of={name} />
          </Link>
        ) : (
          <Name of={name} />
        )}
        {item.state === "done" && <State kind="ok">there</State>}
        {(item.state === "running" || item.state === "waiting") && (
          <Button size="compact-xs" variant="default" onClick={() => queue.stop(item.id)} aria-label={`Stop ${shown(name)}`}>
            Stop
          </Button>
        )}
        {(item.state === "failed" || item.state === "stopped") && (
          <Button size="compact-xs" onClick={() => queue.goOn(item.id)} aria-label={`Go on with ${shown(name)}`}>
            Go on
          </Button>
        )}
        {item.state === "exists" && (
          <Button size="compact-xs" color="red" onClick={() => queue.goOn(item.id, true)} aria-label={`Replace ${shown(name)}`}>
            Replace it
          </Button>
        )}
        {item.state !== "running" && (
          <ActionIcon variant="subtle" size="sm" aria-label={`Forget ${shown(name)}`} onClick={() => queue.forget(item.id)}>
            <Icon name="bad" size={14} />
          </ActionIcon>
        )}
      </div>
      {item.state === "running" && (
        <>
          <Progress value={part} size="sm" my={4} aria-label={`Progress of ${shown(name)}`} />
          <small>{inWords(item)}</small>
        </>
      )}
      {item.state === "waiting" && <small>Waits for its turn</small>}
      {item.state === "stopped" && <small>Stopped; what was sent stays there, and it goes on from there.</small>}
      {item.state === "exists" && <small>There is one of this name. This bucket keeps no versions: replaced, it is gone for good.</small>}
      {item.state === "failed" && <small role="alert">{sentence(item.why ?? "")} What was sent stays there.</small>}
    </li>
  );
}

function inWords({ progress, pace }: Item): string {
  if (!progress) return "Begins";
  if (progress.stage === "comparing") return progress.done > 0 ? `Found ${bytes(progress.done)} of it there already` : "Looks for what is there already";
  if (progress.stage === "completing") return "Puts it together";
  const found = progress.found > 0 ? `, ${bytes(progress.found)} of it found there` : "";
  const left = pace > 0 ? `; ${bytes(pace)}/s, ${duration((progress.total - progress.done) / pace)} left` : "";
  return `${bytes(progress.done)} of ${bytes(progress.total)}${found}${left}`;
}
