// Work that was asked for: the one under way, or the last.

import { useEffect, useRef } from "react";

import { type Loaded, useDocument } from "../../api/documents";

export interface Run<T> extends Omit<Loaded<T>, "error"> {
  error?: Loaded<T>["error"];
  /** Nothing was asked for since the start. */
  none: boolean;
}

export function useRun<T>(path: string, running: (state: T) => boolean): Run<T> {
  // Asked often while it runs: what the last answer said decides.
  const slow = useDocument<T>(path, { every: 10 });
  const busy = slow.data !== undefined && running(slow.data);
  const fast = useDocument<T>(busy ? path : null, { every: 1 });
  const newest = (fast.at ?? 0) > (slow.at ?? 0) ? fast : slow;
  const none = slow.error?.status === 404 && newest.data === undefined;
  return { data: newest.data, at: newest.at, error: none ? undefined : newest.error, none, refresh: slow.refresh };
}

/** What it changed shows at once when it is over. */
export function useOver(running: boolean, changed: () => unknown): void {
  const was = useRef(running);
  useEffect(() => {
    if (was.current && !running) void changed();
    was.current = running;
  }, [running, changed]);
}
