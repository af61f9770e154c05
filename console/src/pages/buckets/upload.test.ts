import { expect, test } from "vitest";

import { cuts, MIB, partBytes, WHOLE_MAX } from "./layout";
import { Exists, Refused, sideBySide, upload, type Progress, type Store, type Stored } from "./upload";

const SIZE = 40 * MIB + 5;

/** A store that keeps digests of parts, and fails as it is told to. */
class Kept implements Store {
  objects = new Map<string, number>();
  uploads = new Map<string, Map<number, Stored>>();
  sent: number[] = [];
  begun = 0;
  fail: (number: number) => Error | null = () => null;

  async exists(key: string) {
    return this.objects.has(key);
  }
  async put(key: string, body: Blob) {
    this.objects.set(key, body.size);
  }
  async begin() {
    this.begun += 1;
    this.uploads.set(`u${this.begun}`, new Map());
    return `u${this.begun}`;
  }
  async part(_: string, id: string, cut: { number: number }, body: Blob, sha256: string) {
    const failure = this.fail(cut.number);
    if (failure) throw failure;
    this.sent.push(cut.number);
    const part = { number: cut.number, etag: `e${cut.number}`, bytes: body.size, sha256 };
    this.uploads.get(id)?.set(cut.number, part);
    return part.etag;
  }
  async parts(_: string, id: string) {
    return [...(this.uploads.get(id)?.values() ?? [])].sort((one, other) => one.number - other.number);
  }
  async pending(key: string) {
    return [...this.uploads.keys()].map((id) => ({ key, id, initiated: id }));
  }
  async complete(key: string, id: string, parts: Stored[]) {
    const held = this.uploads.get(id);
    if (!held || parts.some((part) => held.get(part.number)?.etag !== part.etag)) throw new Refused("InvalidPart");
    this.objects.set(key, parts.reduce((sum, part) => sum + part.bytes, 0));
    this.uploads.delete(id);
  }
  async giveUp(_: string, id: string) {
    this.uploads.delete(id);
  }
}

/** A file of which only what is in which range is known: real bytes would only make the tests slow. */
class Drawn {
  constructor(
    readonly size: number,
    readonly ink: (from: number) => string,
    private readonly from = 0,
  ) {}
  slice(start: number, end: number): Drawn {
    return new Drawn(end - start, this.ink, this.from + start);
  }
  get digest(): string {
    return `${this.from}+${this.size}:${this.ink(this.from)}`;
  }
}

const tools = { digest: async (body: Blob) => (body as unknown as Drawn).digest, wait: async () => {} };

function file(size = SIZE, ink: (from: number) => string = () => "blue"): Blob {
  return new Drawn(size, ink) as unknown as Blob;
}

function job(of: Blob, seen: Progress[] = [], signal = new AbortController().signal) {
  const onProgress = (progress: Progress) => void seen.push(progress);
  return { key: "k", file: of, contentType: "", replace: true, signal, onProgress };
}

test("a file is cut by its size alone, within the limits of S3", () => {
  expect(cuts(WHOLE_MAX)).toEqual([]);
  expect(cuts(WHOLE_MAX + 1).map((cut) => cut.end - cut.start)).toEqual([16 * MIB, 1]);
  for (const size of [200 * MIB, 300 * 1024 * MIB, 5_000 * 1024 * MIB]) {
    expect(cuts(size).length).toBeLessThanOrEqual(10_000);
    expect(cuts(size).at(-1)?.end).toBe(size);
    expect(partBytes(size)).toBeGreaterThanOrEqual(5 * MIB);
  }
});

test("a small file goes in one request", async () => {
  const store = new Kept();
  await upload(store, tools, job(file(10)));
  expect(store.objects.get("k")).toBe(10);
  expect(store.begun).toBe(0);
});

test("a large one goes in parts and is told to the last byte", async () => {
  const store = new Kept();
  const seen: Progress[] = [];
  await upload(store, tools, job(file(), seen));
  expect(store.objects.get("k")).toBe(SIZE);
  expect(store.sent.sort()).toEqual([1, 2, 3]);
  expect(seen.at(-1)).toMatchObject({ done: SIZE, total: SIZE, stage: "completing" });
});

test("what was interrupted goes on with what the store has of it", async () => {
  const store = new Kept();
  store.fail = (number) => (number === 2 ? new Error("the line is cut") : null);
  await expect(upload(store, tools, job(file()))).rejects.toThrow("the line is cut");
  expect(store.objects.has("k")).toBe(false);
  store.fail = () => null;
  const before = store.sent.length;
  expect(before).toBeGreaterThan(0);
  const seen: Progress[] = [];
  await upload(store, tools, job(file(), seen));
  expect(store.sent.length).toBe(3);
  expect(store.begun).toBe(1);
  expect(store.objects.get("k")).toBe(SIZE);
  expect(seen.find((progress) => progress.stage === "sending")?.found).toBeGreaterThan(0);
});

test("another file of the same name and size is not mixed with what is there", async () => {
  const store = new Kept();
  store.fail = (number) => (number === 3 ? new Error("cut") : null);
  await expect(upload(store, tools, job(file()))).rejects.toThrow();
  store.fail = () => null;
  store.sent = [];
  await upload(store, tools, job(file(SIZE, () => "red")));
  expect(store.begun).toBe(2);
  expect(store.sent.sort()).toEqual([1, 2, 3]);
});

test("what was changed in the middle is sent anew, and only that", async () => {
  const store = new Kept();
  store.fail = (number) => (number === 3 ? new Error("cut") : null);
  await expect(upload(store, tools, job(file()))).rejects.toThrow();
  store.fail = () => null;
  store.sent = [];
  await upload(store, tools, job(file(SIZE, (from) => (from === 16 * MIB ? "red" : "blue"))));
  expect(store.sent.sort()).toEqual([2, 3]);
  expect(store.begun).toBe(1);
});

test("a hiccup is tried again, a refusal is not", async () => {
  const store = new Kept();
  let hiccups = 2;
  store.fail = (number) => (number === 1 && hiccups-- > 0 ? new Error("hiccup") : null);
  await upload(store, tools, job(file()));
  expect(store.objects.get("k")).toBe(SIZE);
  let asked = 0;
  store.fail = () => ((asked += 1), new Refused("AccessDenied"));
  await expect(upload(store, tools, job(file()))).rejects.toThrow("AccessDenied");
  expect(asked).toBeLessThanOrEqual(4);
});

test("one that is broken off stops, and leaves its parts", async () => {
  const store = new Kept();
  const stop = new AbortController();
  store.fail = (number) => (number === 2 ? (stop.abort(new Error("enough")), new Error("broken")) : null);
  await expect(upload(store, tools, job(file(), [], stop.signal))).rejects.toThrow("enough");
  expect(store.uploads.size).toBe(1);
});

test("one that is to go on goes on with its own file, and with no other", async () => {
  const store = new Kept();
  store.fail = (number) => (number === 3 ? new Error("cut") : null);
  await expect(upload(store, tools, job(file()))).rejects.toThrow();
  store.fail = () => null;
  await expect(upload(store, tools, { ...job(file(SIZE, () => "red")), resume: "u1" })).rejects.toThrow("another file");
  await upload(store, tools, { ...job(file()), resume: "u1" });
  expect(store.begun).toBe(1);
  expect(store.objects.get("k")).toBe(SIZE);
});

test("what is there is not replaced unasked", async () => {
  const store = new Kept();
  await upload(store, tools, job(file(10)));
  await expect(upload(store, tools, { ...job(file(20)), replace: false })).rejects.toBeInstanceOf(Exists);
  expect(store.objects.get("k")).toBe(10);
  await upload(store, tools, job(file(20)));
  expect(store.objects.get("k")).toBe(20);
});

test("no more go side by side than are allowed", async () => {
  let now = 0;
  let most = 0;
  await sideBySide([...Array(20).keys()], 4, new AbortController().signal, async () => {
    most = Math.max(most, ++now);
    await new Promise((done) => setTimeout(done, 1));
    now -= 1;
  });
  expect(most).toBe(4);
});
