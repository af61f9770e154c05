import { expect, test } from "vitest";

import { Queue } from "./queue";
import { Refused, type Store } from "./upload";

/** A store whose puts wait until they are let through, or fail. */
function held() {
  const waiting: { key: string; done: () => void; fail: (error: Error) => void }[] = [];
  const never = async () => {
    throw new Error("not asked in this test");
  };
  const store: Store = {
    exists: async (key) => key === "there",
    put: (key, _body, _sha256, _unlessThere, { signal }) =>
      new Promise((done, fail) => {
        signal.addEventListener("abort", () => fail(signal.reason as Error));
        waiting.push({ key, done, fail });
      }),
    begin: never,
    part: never,
    parts: never,
    pending: never,
    complete: never,
    giveUp: never,
  };
  const queue = new Queue(() => store, { digest: async () => "", wait: async () => {} });
  const add = (...keys: string[]) => queue.add(keys.map((key) => ({ bucket: "tea", key, file: new File(["x"], key), replace: false })));
  const state = () => Object.fromEntries(queue.snapshot().map((item) => [item.key, item.state]));
  return { queue, waiting, add, state };
}

const settle = () => new Promise((done) => setTimeout(done, 5));

test("two go at a time, and the next begins when one is done", async () => {
  const { queue, waiting, add, state } = held();
  const done: string[] = [];
  queue.onDone = (bucket) => void done.push(bucket);
  add("a", "b", "c");
  await settle();
  expect(state()).toEqual({ a: "running", b: "running", c: "waiting" });
  waiting[0]?.done();
  await settle();
  expect(state()).toEqual({ a: "done", b: "running", c: "running" });
  expect(done).toEqual(["tea"]);
});

test("one that is stopped goes on when it is asked to, and one that is there asks first", async () => {
  const { queue, waiting, add, state } = held();
  add("a", "there");
  await settle();
  expect(state().there).toBe("exists");
  const [a, there] = queue.snapshot();
  queue.stop(a?.id ?? 0);
  await settle();
  expect(state().a).toBe("stopped");
  queue.goOn(a?.id ?? 0);
  queue.goOn(there?.id ?? 0, true);
  await settle();
  expect(state()).toEqual({ a: "running", there: "running" });
  for (const one of waiting) one.done();
  await settle();
  expect(state()).toEqual({ a: "done", there: "done" });
});

test("when the line is back, what it cut goes on, and what was refused does not", async () => {
  const { queue, waiting, add, state } = held();
  add("cut", "refused");
  await settle();
  waiting.find((one) => one.key === "refused")?.fail(new Refused("no"));
  // As often as it is tried.
  for (let tries = 0; tries < 4; tries++) {
    waiting.filter((one) => one.key === "cut").at(-1)?.fail(new Error("cut"));
    await settle();
  }
  expect(state()).toEqual({ cut: "failed", refused: "failed" });
  queue.goOnLater();
  await settle();
  expect(state()).toEqual({ cut: "running", refused: "failed" });
});

test("with the session everything ends", async () => {
  const { queue, add } = held();
  let told = 0;
  queue.subscribe(() => (told += 1));
  add("a", "b", "c");
  await settle();
  expect(queue.busy).toBe(true);
  queue.end();
  await settle();
  expect(queue.snapshot()).toEqual([]);
  expect(queue.busy).toBe(false);
  expect(told).toBeGreaterThan(0);
});
