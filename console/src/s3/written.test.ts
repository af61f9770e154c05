import { expect, test } from "vitest";

import { Written, changes } from "./written";

test("what was written is in a count that began after it", () => {
  const written = new Written();
  expect(written.isIn("b", "2026-11-27T10:00:00Z"), "nothing was written").toBe(true);
  written.note("b", "Fri, 27 Nov 2026 10:00:05 GMT");
  expect(written.isIn("b", "2026-11-27T10:00:04Z")).toBe(false);
  expect(written.isIn("b", "2026-11-27T10:00:05.900Z"), "it may have come in the second's last part").toBe(false);
  expect(written.isIn("b", "2026-11-27T10:00:06Z")).toBe(true);
  expect(written.isIn("b", null), "never counted").toBe(false);
  expect(written.isIn("c", "2026-11-27T10:00:04Z"), "another bucket").toBe(true);
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
