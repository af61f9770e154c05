// The uploads of this window: they go on while one looks at other pages, a few files at a time, and can be stopped,
// gone on with, and forgotten. Nothing of them outlives the window but what the store has.

import { Exists, Refused, upload, type Progress, type Store, type Tools } from "./upload";

export type State = "waiting" | "running" | "done" | "failed" | "exists" | "stopped";

export interface Item {
  id: number;
  bucket: string;
  key: string;
  file: File;
  state: State;
  progress: Progress | null;
  /** Bytes per second, of late. */
  pace: number;
  why: string | null;
  /** Of one that failed: whether it may do better the next time. */
  later: boolean;
  replace: boolean;
  resume?: string;
}

export interface Wanted {
  bucket: string;
  key: string;
  file: File;
  /** Whether one of this name may be replaced. */
  replace: boolean;
  /** The upload to go on with. */
  resume?: string;
}

/** Files under way at a time. */
const FILES_AT_ONCE = 2;

/** Pages hear of progress this often at most: more is only heat. */
const TELL_MS = 150;

export class Queue {
  private items: Item[] = [];
  private stops = new Map<number, AbortController>();
  private listeners = new Set<() => void>();
  private nextId = 1;
  private telling: ReturnType<typeof setTimeout> | null = null;
  /** Called when one is done, so that what shows its bucket looks again. */
  onDone: ((bucket: string) => void) | null = null;

  constructor(
    private readonly storeOf: (bucket: string) => Store,
    private readonly tools: Tools,
    private readonly now: () => number = () => performance.now(),
  ) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The same array until something changes. */
  snapshot = (): readonly Item[] => this.items;

  add(wanted: Wanted[]): void {
    const fresh = wanted.map((one): Item => ({ ...one, id: this.nextId++, state: "waiting", progress: null, pace: 0, why: null, later: false }));
    this.items = [...this.items, ...fresh];
    this.tell(true);
    this.pump();
  }

  stop(id: number): void {
    const item = this.items.find((one) => one.id === id);
    if (item?.state === "waiting") this.set(id, { state: "stopped", why: null });
    this.stops.get(id)?.abort(new DOMException("stopped", "AbortError"));
  }

  goOn(id: number, replace?: boolean): void {
    this.set(id, { state: "waiting", why: null, ...(replace === undefined ? {} : { replace }) });
    this.pump();
  }

  /** When the line is back: whatever did not fail for a reason of its own. */
  goOnLater(): void {
    for (const item of this.items) if (item.state === "failed" && item.later) this.goOn(item.id);
  }

  forget(id: number): void {
    this.stop(id);
    this.items = this.items.filter((one) => one.id !== id);
    this.tell(true);
  }

  forgetDone(): void {
    this.items = this.items.filter((one) => one.state !== "done");
    this.tell(true);
  }

  /** Of a session that is over. */
  end(): void {
    for (const stop of this.stops.values()) stop.abort(new DOMException("the session is over", "AbortError"));
    this.items = [];
    this.tell(true);
  }

  get busy(): boolean {
    return this.items.some((one) => one.state === "running" || one.state === "waiting");
  }

  private pump(): void {
    while (this.stops.size < FILES_AT_ONCE) {
      const next = this.items.find((one) => one.state === "waiting" && !this.stops.has(one.id));
      if (!next) return;
      const stop = new AbortController();
      this.stops.set(next.id, stop);
      this.set(next.id, { state: "running" });
      void this.run(next.id, stop.signal).finally(() => {
        this.stops.delete(next.id);
        this.pump();
      });
    }
  }

  private async run(id: number, signal: AbortSignal): Promise<void> {
    const item = this.items.find((one) => one.id === id);
    if (!item) return;
    const pace = new Pace(this.now);
    const onProgress = (progress: Progress) => {
      // What was found at the store did not travel now.
      this.set(id, { progress, pace: pace.of(progress.done - progress.found) }, false);
    };
    const { key, file, replace, resume } = item;
    const contentType = file.type || "application/octet-stream";
    try {
      await upload(this.storeOf(item.bucket), this.tools, { key, file, contentType, replace, resume, signal, onProgress });
      this.set(id, { state: "done", why: null });
      this.onDone?.(item.bucket);
    } catch (error) {
      if (signal.aborted) this.set(id, { state: "stopped", why: null });
      else if (error instanceof Exists) this.set(id, { state: "exists", why: null });
      else this.set(id, { state: "failed", why: error instanceof Error ? error.message : String(error), later: !(error instanceof Refused) });
    }
  }

  private set(id: number, change: Partial<Item>, now = true): void {
    this.items = this.items.map((one) => (one.id === id ? { ...one, ...change } : one));
    this.tell(now);
  }

  private tell(now: boolean): void {
    if (!now) {
      this.telling ??= setTimeout(() => this.tell(true), TELL_MS);
      return;
    }
    if (this.telling) clearTimeout(this.telling);
    this.telling = null;
    for (const listener of this.listeners) listener();
  }
}

/** Bytes per second over the last few seconds. */
class Pace {
  private seen: { at: number; bytes: number }[] = [];

  constructor(private readonly now: () => number) {}

  of(bytes: number): number {
    const at = this.now();
    this.seen.push({ at, bytes });
    while (this.seen.length > 2 && at - (this.seen[0]?.at ?? at) > 5_000) this.seen.shift();
    const first = this.seen[0];
    return first && at > first.at ? Math.max(0, ((bytes - first.bytes) / (at - first.at)) * 1_000) : 0;
  }
}
