import { expect, test } from "vitest";

import { readMatrix } from "./matrix";

test("the matrix is read, and what is none is left out", () => {
  const row = { name: "HeadBucket", cells: ["yes", "no"] };
  const told = readMatrix({ duties: { columns: ["auditor"], rows: [{ name: "Keep", cells: [""] }] }, data: [{ label: "same", columns: ["owner", "read"], rows: [row, { name: 3 }] }, {}] });
  expect(told.duties?.rows).toEqual([{ name: "Keep", cells: [""] }]);
  expect(told.data).toEqual([{ name: "same", what: "Action", columns: ["owner", "read"], rows: [row] }]);
  for (const nothing of [null, undefined, [], "x", { data: 3 }]) expect(readMatrix(nothing)).toEqual({ duties: null, data: [] });
});
