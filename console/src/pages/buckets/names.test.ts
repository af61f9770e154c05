import { expect, test } from "vitest";

import { below, fileName, folderOf, runs, shown, steps, typeable, unaskable } from "./names";

test("what would hide, reorder or imitate is shown as its code point", () => {
  const table: [string, string][] = [
    ["plain.txt", "plain.txt"],
    ["ключ/чай.txt", "ключ/чай.txt"],
    ["invoice\u202Efdp.exe", "invoice⟨U+202E⟩fdp.exe"],
    ["a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"],
    ["\u0007bell", "⟨U+0007⟩bell"],
    ["line\nbreak\u0085", "line⟨U+000A⟩break⟨U+0085⟩"],
    ["zero\u200Bwidth\uFEFF", "zero⟨U+200B⟩width⟨U+FEFF⟩"],
    ["\u{E0041}tag", "⟨U+E0041⟩tag"],
    [" both ends  ", "⟨U+0020⟩both ends⟨U+0020 ×2⟩"],
    ["   ", "⟨U+0020 ×3⟩"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
    ["no\u00A0break", "no⟨U+00A0⟩break"],
  ];
  for (const [name, expected] of table) expect(shown(name)).toBe(expected);
});

test("a heap of marks on one letter does not grow over its neighbours", () => {
  const heap = "z" + "\u0301".repeat(30);
  expect(runs(heap).filter((run) => run.escaped)).toEqual([{ text: "U+0301", escaped: true, times: 26 }]);
  expect(shown("é\u0301")).toBe("é\u0301");
});

test("an escape is a run of its own, so that a name cannot imitate one", () => {
  expect(runs("⟨U+202E⟩")).toEqual([{ text: "⟨U+202E⟩", escaped: false }]);
  expect(runs("\u202e")).toEqual([{ text: "U+202E", escaped: true }]);
});

test("the way to a prefix leads through every shorter one, empty names too", () => {
  expect(steps("")).toEqual([]);
  expect(steps("a/b/")).toEqual([
    { name: "a", prefix: "a/" },
    { name: "b", prefix: "a/b/" },
  ]);
  expect(steps("//x")).toEqual([
    { name: "", prefix: "/" },
    { name: "", prefix: "//" },
    { name: "x", prefix: "//x" },
  ]);
  expect(below("a/", "a/b")).toBe("b");
  expect(["", "le", "a/", "a/le"].map(folderOf)).toEqual(["", "", "a/", "a/"]);
});

test("what a browser takes out of a path is not asked for", () => {
  for (const key of ["..", "a/../b", "a/.", "%2e%2E/x"]) expect(unaskable(key)).not.toBeNull();
  for (const key of ["a..b", "...", "a/.hidden", "a//b"]) expect(unaskable(key)).toBeNull();
});

test("a downloaded file has a name without a path and without anything unseen", () => {
  expect(fileName("a/b/plan.txt")).toBe("plan.txt");
  expect(fileName("a/invoice\u202Efdp.exe")).toBe("invoice_fdp.exe");
  expect(fileName("a\\..\\x")).toBe("a_.._x");
  expect(fileName("..")).toBe("_");
  expect(fileName("x".repeat(900))).toHaveLength(200);
});

test("only what can be typed after seeing it is asked to be typed", () => {
  expect(typeable("plan.txt")).toBe(true);
  for (const name of ["", " x", "ключ", "a\u202eb", "x".repeat(65)]) expect(typeable(name)).toBe(false);
});
