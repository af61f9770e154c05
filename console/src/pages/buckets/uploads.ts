// The queue of the session's uploads: one for as long as it lasts, whatever page is shown.

import { useSyncExternalStore } from "react";

import type { S3 } from "../../s3/client";
import { useSession } from "../../session";
import { Queue, type Item } from "./queue";
import { digest, storeOf } from "./s3";

const queues = new WeakMap<S3, Queue>();

function queueOf(s3: S3): Queue {
  let queue = queues.get(s3);
  if (!queue) {
    queue = new Queue((bucket) => storeOf(s3, bucket), { digest, wait });
    queues.set(s3, queue);
    const mine = queue;
    // The browser asks before it closes the page on what is under way.
    addEventListener("beforeunload", (event) => {
      if (mine.busy) event.preventDefault();
    });
    addEventListener("online", () => mine.goOnLater());
  }
  return queue;
}

export function useQueue(): Queue {
  return queueOf(useSession().s3);
}

export function useUploads(): readonly Item[] {
  const queue = useQueue();
  return useSyncExternalStore(queue.subscribe, queue.snapshot);
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    if (signal.aborted) return failed(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      failed(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      done();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
