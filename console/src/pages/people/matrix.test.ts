import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { inWords, readMatrix } from "./matrix";

test("the matrix becomes one table of duties, and one of actions for each place a bucket may lie at", () => {
  const told = readMatrix({
    roles: ["mission-owner", "auditor"],
    duties: [{ duty: "Keep", roles: ["auditor"] }],
    actions: [
      { action: "HeadBucket", label: "same", outcomes: { manage: "yes", owner: "yes", stranger: "no" } },
      { action: "HeadBucket", label: "above", outcomes: { manage: "absent", owner: "absent", stranger: "absent" } },
    ],
  });
  expect(told.duties).toMatchObject({ columns: ["mission-owner", "auditor"], rows: [{ name: "Keep", cells: ["", "yes"] }] });
  expect(told.data.map((table) => table.name)).toEqual(["same", "above"]);
  expect(told.data[0]).toMatchObject({ columns: ["owner", "manage", "stranger"], rows: [{ name: "HeadBucket", cells: ["yes", "yes", "no"] }] });
  for (const nothing of [null, undefined, [], "x", { actions: 3 }]) expect(readMatrix(nothing)).toEqual({ duties: null, data: [] });
});

test("every duty and action there is has a sentence", () => {
  const rows = [...readFileSync("../docs/role-matrix.md", "utf8").matchAll(/^\| ([A-Z]\w+) \|/gm)].map(([, name = ""]) => name);
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((name) => inWords(name) === undefined)).toEqual([]);
});
