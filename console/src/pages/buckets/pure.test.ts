import { expect, test } from "vitest";

import { PROFILES, movesInWords, offered } from "./documents";
import { complaint, inWords, NEW_RULE, write } from "./lifecycle";
import { merged } from "./listing";
import { readableWithout, sentence, survives, taken, type Segment } from "./loss";
import { decodeText, imageType, offer } from "./preview";

function segment(k: number, m: number, sites: string[], states: string[] = []): Segment {
  const pieces = sites.map((site, index) => ({
    index,
    site,
    data: index < k,
    proven: null,
    state: states[index] ?? "well",
  }));
  return { segment: "s", k, m, offset: 0, length: 1, bytes: 1, promise: m, pieces };
}

const itself = (site: string) => site.replace(/-\d$/, "");

test("an object survives what its weakest segment survives", () => {
  const four = ["amazon", "microsoft", "google", "oracle"];
  const table: [Segment[], number | null][] = [
    [[], null],
    [[segment(2, 2, four)], 2],
    [[segment(3, 1, four)], 1],
    [[segment(1, 2, ["amazon", "google", "oracle"])], 2],
    [[segment(2, 2, four), segment(1, 1, ["amazon", "google"])], 1],
    // Two sites of one vendor go together.
    [[segment(2, 2, ["amazon-1", "amazon-2", "google", "oracle"])], 1],
    [[segment(2, 2, ["amazon-1", "amazon-2", "amazon-3", "oracle"])], 0],
    [[segment(2, 2, four, ["out", "out", "out"])], -1],
  ];
  for (const [segments, expected] of table) expect(survives(segments, itself)).toBe(expected);
  expect(readableWithout([segment(2, 2, four)], new Set(["amazon", "oracle"]), itself)).toBe(true);
  expect(readableWithout([segment(2, 2, four)], new Set(["amazon", "oracle", "google"]), itself)).toBe(false);
  expect(sentence(2)).toBe("It survives the loss of any two vendors.");
  expect(sentence(1, ["google"])).toBe("It survives the loss of any one vendor while google does not answer.");
});

test("what an object takes counts what does not answer now too, and tells it", () => {
  const four = ["amazon", "microsoft", "google", "oracle"];
  expect(taken([segment(2, 2, four)])).toEqual({ all: 2, silent: 0 });
  expect(taken([segment(2, 2, four, ["well", "out"]), segment(1, 1, ["amazon", "google"])])).toEqual({ all: 4, silent: 0.5 });
});

test("folders and objects stand in the order of their bytes", () => {
  const object = (key: string) => ({ kind: "object" as const, key, bytes: 0, modified: "", etag: "" });
  const found = merged(["b/", "ключ/"], [object("a"), object("b"), object("z"), object("b0")]);
  expect(found.map((entry) => (entry.kind === "folder" ? entry.prefix : entry.key))).toEqual([
    "a",
    "b",
    "b/",
    "b0",
    "z",
    "ключ/",
  ]);
});

test("only text and raster images are looked at, whatever an object says it is", () => {
  expect(offer("a.html", "text/html", 10).kind).toBe("text");
  expect(offer("a.svg", "image/svg+xml", 10).kind).toBe("text");
  expect(offer("a", "application/pdf", 10).kind).toBe("none");
  expect(offer("a.PNG", "application/octet-stream", 10)).toEqual({ kind: "image", type: "image/png" });
  expect(offer("a.png", "image/png", 1 << 30).kind).toBe("none");
  expect(offer("a.log", "", 1 << 30)).toEqual({ kind: "text", bytes: 1 << 20, cut: true });
  expect(imageType(new TextEncoder().encode("<html><script>"))).toBeNull();
  expect(imageType(Uint8Array.of(0x89, 0x50, 0x4e, 0x47))).toBe("image/png");
});

test("bytes that are no text are not shown as such, and a cut goes between characters", () => {
  const bytes = new TextEncoder().encode("чай");
  expect(decodeText(bytes, false)).toBe("чай");
  expect(decodeText(bytes.subarray(0, 5), true)).toBe("ча");
  expect(decodeText(bytes.subarray(0, 5), false)).toBeNull();
  expect(decodeText(Uint8Array.of(65, 0, 66), false)).toBeNull();
});

test("a rule says what it does, and what makes no sense is told before it is sent", () => {
  expect(complaint(NEW_RULE)).toContain("removes nothing");
  expect(complaint({ ...NEW_RULE, expireDays: 30 })).toBeNull();
  expect(complaint({ ...NEW_RULE, expireDays: 0 })).toContain("whole numbers");
  expect(complaint({ ...NEW_RULE, abortDays: 2, largerThan: 5 })).toContain("of its own");
  expect(complaint({ ...NEW_RULE, noncurrentKeep: 3 })).not.toBeNull();
  expect(inWords({ ...NEW_RULE, expireDays: 1, abortDays: 7 })).toBe(
    "Objects go 1 day after they were written; unfinished uploads go after 7 days.",
  );
});

test("several conditions stand together, one alone as itself, and text is escaped", () => {
  const one = write([{ ...NEW_RULE, id: "a<b", prefix: "logs/", expireDays: 3 }]);
  expect(one).toContain("<ID>a&lt;b</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>");
  const two = write([{ ...NEW_RULE, prefix: "p", largerThan: 5, noncurrentDays: 2, noncurrentKeep: 1 }]);
  expect(two).toContain("<Filter><And><Prefix>p</Prefix><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter>");
  expect(two).toContain("<NoncurrentDays>2</NoncurrentDays><NewerNoncurrentVersions>1</NewerNoncurrentVersions>");
});

test("of a move no more is said than is told", () => {
  const work = { segments: 2, pieces: 4, bytes_read: 10, bytes_written: 2000, requests: 6, dollars: 0.5 };
  expect(movesInWords({ work, waits: [{ segments: 1, why: "a site" }] })).toEqual(["Of all moves since the start: 2 segments moved, 2.0 kB written, $0.50 at list prices.", "1 segment waits for a site."]);
  expect(movesInWords({})).toEqual(["How far it is, is told to whoever sees all labels."]);
});

test("every profile is known, and what a bucket has is among those offered", () => {
  expect(PROFILES.map(({ name }) => name)).toEqual(["quad", "lean", "std", "econ", ...[1, 2, 3, 4, 5, 6, 7, 8].map((copies) => `mirror-${copies}`)]);
  expect(PROFILES.find(({ name }) => name === "mirror-1")).toMatchObject({ code: "1 copy", survives: "no vendor" });
  expect(PROFILES.find(({ name }) => name === "mirror-5")).toMatchObject({ needs: "five vendors", survives: "any four vendors", size: "five times its size" });
  expect(offered("mirror-5").map(({ name }) => name)).toContain("mirror-5");
  expect(offered(null).length).toBe(6);
});
