import { expect, test } from "vitest";

import type { Release } from "./documents";
import { inOrder, possible, saidOfIt, waitsFor, type Who } from "./queue";

const officer = (user: string): Who => ({ user, signs: true, asks: false });
const owner = (user: string): Who => ({ user, signs: false, asks: true });

function release(state: Release["state"], signed: string[] = [], more: Partial<Release> = {}): Release {
  return {
    id: "1",
    state,
    asked_by: "ana",
    asked: "2026-01-01T00:00:00Z",
    reason: "",
    bucket: "plans",
    key: "k",
    label: "SECRET",
    etag: "",
    size: 0,
    to_bucket: "press",
    to_key: "k",
    to_label: "UNCLASSIFIED",
    signed_by: signed.map((by) => ({ by, at: "" })),
    ended_by: null,
    ended: null,
    ...more,
  };
}

test("who asked takes back, two others sign, and nobody signs twice", () => {
  expect(possible(release("open"), owner("ana"))).toEqual(["take back"]);
  expect(possible(release("open"), owner("ben"))).toEqual([]);
  expect(possible(release("open"), officer("olga"))).toEqual(["sign", "refuse"]);
  expect(possible(release("open", ["olga"]), officer("olga"))).toEqual(["refuse"]);
  expect(possible(release("open"), officer("ana"))).toEqual([]);
  expect(possible(release("signed", ["olga", "omar"]), officer("olga"))).toEqual(["carry out", "refuse"]);
  expect(possible(release("done", ["olga", "omar"]), officer("olga"))).toEqual([]);
});

test("what it waits for is told", () => {
  expect(waitsFor(release("open"))).toBe("waits for 2 signatures");
  expect(waitsFor(release("open", ["olga"]))).toBe("waits for one more signature");
  expect(waitsFor(release("ended", [], { ended_by: "ana" }))).toBe("taken back");
  expect(waitsFor(release("ended", [], { ended_by: "olga" }))).toBe("refused");
});

test("what waits for this person stands first", () => {
  const all = [release("done", [], { id: "done" }), release("open", ["olga"], { id: "others" }), release("open", [], { id: "mine" })];
  expect(inOrder(all, officer("olga")).map((one) => one.id)).toEqual(["mine", "others", "done"]);
});

test("what comes along with the bytes is read, and nonsense is nothing", () => {
  const hex = [...new TextEncoder().encode('{"tags":{"a":"é"}}')].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  expect(saidOfIt(hex)).toEqual({ metadata: {}, headers: {}, tags: { a: "é" } });
  for (const bad of [null, "", "zz", "7b"]) expect(saidOfIt(bad).tags).toEqual({});
});
