import { expect, test } from "vitest";

import { Counting, changes } from "./counting";

test("figures are those from before a writing until others come, or long after", () => {
  let now = 0;
  const counting = new Counting(() => now);
  const has = (objects: number | null, bytes = objects) => counting.has({ name: "b", objects, bytes });
  expect(has(null), "never counted").toBe(false);
  expect(has(3)).toBe(true);
  counting.note("b");
  expect(has(3)).toBe(false);
  expect(has(4)).toBe(true);
  expect(has(4), "and it stays so").toBe(true);
  counting.note("b");
  now += 181_000;
  expect(has(4), "what was replaced by as much").toBe(true);
});

test("what was written before anything was told is not in the first figures", () => {
  const counting = new Counting(() => 0);
  counting.note("b");
  expect(counting.has({ name: "b", objects: 0, bytes: 0 })).toBe(false);
  expect(counting.has({ name: "b", objects: 1, bytes: 9 })).toBe(true);
});

test("tags, locks and parts change nothing that is counted", () => {
  expect(changes({ method: "PUT", key: "a" })).toBe(true);
  expect(changes({ method: "PUT", key: "a", query: { partNumber: 1, uploadId: "u" } })).toBe(false);
  expect(changes({ method: "PUT", key: "a", query: { tagging: "" } })).toBe(false);
  expect(changes({ method: "PUT", query: { versioning: "" } })).toBe(false);
  expect(changes({ method: "POST", key: "a", query: { uploadId: "u" } })).toBe(true);
  expect(changes({ method: "POST", key: "a", query: { uploads: "" } })).toBe(false);
  expect(changes({ method: "POST", query: { delete: "" } })).toBe(true);
  expect(changes({ method: "DELETE", key: "a", query: { versionId: "v" } })).toBe(true);
  expect(changes({ method: "DELETE", key: "a", query: { uploadId: "u" } })).toBe(false);
  expect(changes({ method: "GET", key: "a" })).toBe(false);
});
