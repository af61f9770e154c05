import { expect, test } from "vitest";

import type { Overview, Site } from "../../api/types";
import { verdict } from "./verdict";

const site = (name: string, more: Partial<Site> = {}): Site => ({ name, vendor: name, region: "here", state: "active", reads: "well", writes: "well", ...more });
const overview = (more: Partial<Overview> = {}): Overview => ({ promise: [{ spare: 2, objects: 5, bytes: 50 }], promise_age_s: 1, below_promise: 0, refused_writes: [], troubles: [], cost_month: null, ...more });
const untold = { below_promise: null, troubles: null };
const full = { troubles: [{ what: "the data directory's disk is full", advice: "make room at /data" }] };
const out = { reads: "out", writes: "out" } as const;

test.each<[string, Site[], Overview, string, string]>([
  ["all well", [site("a"), site("b")], overview(), "ok", "All is well"],
  ["one out", [site("a", out), site("b"), site("c")], overview(), "warn", "Working without a"],
  ["two out", [site("a", out), site("b", out), site("c")], overview(), "bad", "Working without a and b"],
  ["writes alone out", [site("a", { writes: "out" }), site("b")], overview(), "warn", "Working without a"],
  ["nothing answers", [site("a", out)], overview(), "bad", "No site is well"],
  ["below", [site("a")], overview({ below_promise: 3 }), "warn", "All sites are well; the promise is being restored"],
  ["unreadable", [site("a", out), site("b")], overview({ promise: [{ spare: -1, objects: 1, bytes: 9 }] }), "bad", "Some of what is stored cannot be read now"],
  ["no more writes", [site("a", out), site("b", out), site("c"), site("d")], overview({ refused_writes: ["quad"] }), "bad", "Working without a and b"],
  ["no more writes, for want of vendors", [site("a"), site("b", { state: "suspended", writes: "out" })], overview({ refused_writes: ["quad"] }), "bad", "Some writes are refused"],
  ["a detached site is nobody's trouble", [site("a", { ...out, state: "detached" }), site("b")], overview(), "ok", "All is well"],
  ["suspended on purpose", [site("a", { ...out, state: "suspended" }), site("b")], overview(), "ok", "All is well"],
  ["suspended, and silent", [site("a", { ...out, state: "suspended", reason: "no answer" }), site("b"), site("c")], overview(), "warn", "Working without a"],
  ["being left", [site("a", { writes: "out", state: "draining" }), site("b")], overview(), "ok", "All is well"],
  ["being left, and silent", [site("a", { ...out, state: "draining" }), site("b"), site("c")], overview(), "warn", "Working without a"],
  ["the machine in trouble", [site("a"), site("b")], overview(full), "warn", "Something wants attention"],
  ["the machine in trouble, and below", [site("a")], overview({ ...full, below_promise: 3 }), "warn", "Something wants attention"],
  ["the machine in trouble, and one suspended", [site("a", { ...out, state: "suspended" }), site("b")], overview(full), "warn", "Something wants attention"],
  ["the machine in trouble, and one out", [site("a", out), site("b"), site("c")], overview(full), "warn", "Working without a"],
  ["the machine in trouble, and no more writes", [site("a"), site("b", { state: "suspended", writes: "out" })], overview({ ...full, refused_writes: ["quad"] }), "bad", "Some writes are refused"],
  ["not told", [site("a"), site("b")], overview(untold), "ok", "All sites are well"],
  ["not told, and one suspended", [site("a", { ...out, state: "suspended" }), site("b")], overview(untold), "ok", "All sites are well"],
  ["not told, and one out", [site("a", out), site("b"), site("c")], overview(untold), "warn", "Working without a"],
])("%s", (_, sites, facts, kind, title) => {
  const said = verdict(sites, facts);
  expect([said.kind, said.title]).toEqual([kind, title]);
  expect(said.lines.length).toBeGreaterThan(0);
});

test("what lies on its last vendor is told", () => {
  const said = verdict([site("a", out), site("b")], overview({ promise: [{ spare: 0, objects: 2, bytes: 2000 }] }));
  expect(said.kind).toBe("bad");
  expect(said.lines[0]).toBe("2 objects (2.0 kB) would be lost with one more vendor.");
});

test("what is refused is not said to be brought later", () => {
  const said = verdict([site("a", out), site("b", out), site("c")], overview({ promise: [{ spare: -1, objects: 2, bytes: 2000 }], refused_writes: ["quad", "triple"] }));
  expect(said.lines).toEqual([
    "2 objects (2.0 kB) cannot be read until a site that holds their pieces is back.",
    "Other reads go around what is out.",
    "Writes to buckets of the profiles quad and triple are refused: too few vendors take them. Nothing that was acknowledged is lost by it.",
  ]);
});

test("each trouble of the machine is told with what to do, whatever else there is", () => {
  const told = "The data directory's disk is full. Make room at /data.";
  expect(verdict([site("a"), site("b")], overview(full)).lines).toEqual([told]);
  expect(verdict([site("a", out), site("b"), site("c")], overview(full)).lines).toContain(told);
});

test("a session that is not told says so, and not that all keeps its promise", () => {
  const told = "Whether everything keeps its promise, and how the machine is, is told to whoever sees all labels.";
  expect(verdict([site("a"), site("b")], overview(untold)).lines).toEqual([told]);
  expect(verdict([site("a", { state: "draining" }), site("b")], overview(untold)).lines).toEqual(["a is being left.", told]);
});

test("what is not known is not said to be well", () => {
  expect(verdict([site("a")], undefined).title).toBe("All sites are well");
});
