// One upload: a small file in one request, a large one in parts that go side by side. Each part is sent with its
// SHA-256. What an interrupted upload left behind is asked of the store and compared by these digests with the file,
// so that nothing of it has to be remembered here, and a file that was changed meanwhile is not mixed with what it
// was: what does not match is sent anew.

import { cuts, type Cut } from "./layout";

/** A part as the store lists it. */
export type Stored = { number: number; etag: string; bytes: number; sha256: string | null };

/** An upload that was begun and neither completed nor given up. */
export type Pending = { key: string; id: string; initiated: string };

/** What the engine asks of a store. Bytes come as they are sent; digests in base64, as S3 writes them. */
export interface Store {
  exists(key: string, signal: AbortSignal): Promise<boolean>;
  /** `unlessThere`: refused as [`Exists`] if there is one of this name. */
  put(key: string, body: Blob, sha256: string, unlessThere: boolean, options: Sending): Promise<void>;
  begin(key: string, contentType: string, signal: AbortSignal): Promise<string>;
  part(key: string, upload: string, cut: Cut, body: Blob, sha256: string, options: Sending): Promise<string>;
  parts(key: string, upload: string, signal: AbortSignal): Promise<Stored[]>;
  pending(key: string, signal: AbortSignal): Promise<Pending[]>;
  complete(key: string, upload: string, parts: Stored[], unlessThere: boolean, signal: AbortSignal): Promise<void>;
  giveUp(key: string, upload: string): Promise<void>;
}

export type Sending = { contentType: string; signal: AbortSignal; onBytes: (sent: number) => void };

export type Tools = {
  digest: (body: Blob) => Promise<string>;
  /** Waits, or is broken off. */
  wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
};

export type Progress = {
  /** Of the file, at the store. */
  done: number;
  /** Of these, found there from before. */
  found: number;
  total: number;
  stage: "comparing" | "sending" | "completing";
};

export type Job = {
  key: string;
  file: Blob;
  contentType: string;
  /** Whether an object of this name may be replaced. */
  replace: boolean;
  /** The upload to go on with; by default the latest of this key that has a part of this very file. */
  resume?: string;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
};

/** Parts under way at a time: enough to fill a line, few enough that they fit into a browser's memory. */
export const AT_ONCE = 4;

/** A part that fails is sent again after these pauses, and then given up: the upload can go on later. */
const PAUSES_MS = [500, 2_000, 6_000];

/** What makes no sense to send again says so with this. */
export class Refused extends Error {
  override name = "Refused";
}

/** There is an object of this name, and it was not to be replaced. */
export class Exists extends Refused {
  override name = "Exists";
}

/** Sends the file; a rejection leaves what was sent where it is, so that the same call goes on with it. */
export async function upload(store: Store, tools: Tools, job: Job): Promise<void> {
  // Asked beforehand so that nothing is sent in vain, and once more by the store when it matters.
  if (!job.replace && (await store.exists(job.key, job.signal))) throw new Exists("there is one of this name");
  const plan = cuts(job.file.size);
  if (plan.length === 0) return whole(store, tools, job);
  const { id, stored } = await start(store, tools, job, plan);
  const meter = new Meter(job, stored);
  const finished = new Map(stored.map((part) => [part.number, part]));
  const rest = plan.filter((cut) => !finished.has(cut.number));
  meter.tell("sending");
  await sideBySide(rest, AT_ONCE, job.signal, async (cut, signal) => {
    const body = job.file.slice(cut.start, cut.end);
    const part = await insist(tools, signal, async () => {
      const sha256 = await tools.digest(body);
      const options = { contentType: "", signal, onBytes: (sent: number) => meter.sending(cut, sent) };
      const etag = await store.part(job.key, id, cut, body, sha256, options);
      return { number: cut.number, etag, bytes: body.size, sha256 };
    });
    finished.set(cut.number, part);
    meter.sent(cut);
  });
  meter.tell("completing");
  const parts = [...finished.values()].sort((one, other) => one.number - other.number);
  await insist(tools, job.signal, () => store.complete(job.key, id, parts, !job.replace, job.signal));
}

async function whole(store: Store, tools: Tools, job: Job): Promise<void> {
  const meter = new Meter(job, []);
  const all: Cut = { number: 1, start: 0, end: job.file.size };
  meter.tell("sending");
  await insist(tools, job.signal, async () => {
    const sha256 = await tools.digest(job.file);
    const options = { contentType: job.contentType, signal: job.signal, onBytes: (sent: number) => meter.sending(all, sent) };
    await store.put(job.key, job.file, sha256, !job.replace, options);
  });
  meter.sent(all);
}

/** The upload to send parts of, and which of them are there already. */
async function start(store: Store, tools: Tools, job: Job, plan: Cut[]): Promise<{ id: string; stored: Stored[] }> {
  const meter = new Meter(job, []);
  meter.tell("comparing");
  const same = async (upload: string) => {
    const listed = await store.parts(job.key, upload, job.signal);
    return inFile(tools, job, plan, listed, (found) => meter.comparing(found));
  };
  if (job.resume) {
    const stored = await same(job.resume);
    if (stored.length > 0 || (await store.parts(job.key, job.resume, job.signal)).length === 0) return { id: job.resume, stored };
    throw new Refused("what was sent is of another file: choose the one that was being sent, or give that upload up");
  }
  const pending = await store.pending(job.key, job.signal);
  // The latest first: an older one of the same file has less of it, as a rule.
  pending.sort((one, other) => (one.initiated < other.initiated ? 1 : -1));
  for (const { id } of pending) {
    const stored = await same(id);
    if (stored.length > 0) return { id, stored };
  }
  return { id: await store.begin(job.key, job.contentType, job.signal), stored: [] };
}

/** Those of the listed parts that are this very file's. */
async function inFile(
  tools: Tools,
  job: Job,
  plan: Cut[],
  listed: Stored[],
  onFound: (bytes: number) => void,
): Promise<Stored[]> {
  const same: Stored[] = [];
  let found = 0;
  for (const part of listed) {
    const cut = plan[part.number - 1];
    if (!cut || part.bytes !== cut.end - cut.start || !part.sha256) continue;
    job.signal.throwIfAborted();
    if ((await tools.digest(job.file.slice(cut.start, cut.end))) === part.sha256) {
      same.push(part);
      onFound((found += part.bytes));
    } else if (same.length === 0) {
      // The first one that can be compared differs: it is another file of the same name and size.
      return [];
    }
  }
  return same;
}

/** Tries again what may succeed the next time. */
async function insist<T>(tools: Tools, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refused || signal.aborted) throw error;
      await tools.wait(pause, signal);
    }
  }
  return attempt();
}

/** Does all of these, so many at a time; the first failure breaks the others off. */
export async function sideBySide<T>(
  items: readonly T[],
  most: number,
  outer: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([outer, failed.signal]);
  let next = 0;
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      signal.throwIfAborted();
      await work(item, signal);
    }
  };
  const workers = Array.from({ length: Math.min(most, items.length) }, () =>
    worker().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  const ended = await Promise.allSettled(workers);
  outer.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
  for (const one of ended) if (one.status === "rejected") throw one.reason;
}

/** Adds up what is at the store and what is on its way. */
class Meter {
  private readonly found: number;
  private done: number;
  private readonly under = new Map<number, number>();
  private stage: Progress["stage"] = "sending";

  constructor(
    private readonly job: Job,
    stored: Stored[],
  ) {
    this.found = stored.reduce((sum, part) => sum + part.bytes, 0);
    this.done = this.found;
  }

  tell(stage: Progress["stage"]): void {
    this.stage = stage;
    this.report(this.found);
  }

  comparing(found: number): void {
    this.done = found;
    this.report(found);
  }

  sending(cut: Cut, sent: number): void {
    this.under.set(cut.number, Math.min(sent, cut.end - cut.start));
    this.report(this.found);
  }

  sent(cut: Cut): void {
    this.under.delete(cut.number);
    this.done += cut.end - cut.start;
    this.report(this.found);
  }

  private report(found: number): void {
    const under = [...this.under.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.job.onProgress({ done: this.done + under, found, total: this.job.file.size, stage: this.stage });
  }
}
