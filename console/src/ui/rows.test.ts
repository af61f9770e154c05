import { expect, test } from "vitest";

import { matching, sorted } from "./rows";

const ROWS = [
  { name: "Ana", made: "2026-11-27T10:00:07Z", keys: 12, left: null },
  { name: "ben-7", made: "2026-03-12T10:00:00Z", keys: 7, left: "x" },
  { name: "ben-12", made: "2025-11-01T10:00:00Z", keys: 0, left: undefined },
];
const VALUES = [(row: (typeof ROWS)[number]) => row.name, (row: (typeof ROWS)[number]) => row.made, (row: (typeof ROWS)[number]) => row.keys, (row: (typeof ROWS)[number]) => row.left];

test.each([
  ["", "Ana ben-7 ben-12"],
  ["  AN ", "Ana"],
  ["n-", "ben-7 ben-12"],
  ["2026", "Ana ben-7"],
  ["2026-11", "Ana"],
  ["12", "ben-12"],
  ["7", "ben-7"],
  ["nobody", ""],
])("%j finds rows by words, by how a moment begins, and not by figures", (typed, names) => {
  expect(matching(ROWS, VALUES, typed).map(({ name }) => name).join(" ")).toBe(names);
});

test("rows are in the order of letters and of the numbers in them, what is not known first", () => {
  const names = (rows: typeof ROWS) => rows.map(({ name }) => name).join(" ");
  expect(names(sorted(ROWS, ({ name }) => name, false))).toBe("Ana ben-7 ben-12");
  expect(names(sorted(ROWS, ({ keys }) => keys, true))).toBe("Ana ben-7 ben-12");
  expect(names(sorted(ROWS, ({ left }) => left, false)).endsWith("ben-7")).toBe(true);
});
