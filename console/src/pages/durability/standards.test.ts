import { expect, test } from "vitest";

import type { DurableBucket, Proven } from "../../api/types";
import { inWords, kept, standards } from "./standards";

const proven = (proof: Proven["proof"], within_days: number | null, spare: number, objects: number): Proven => ({ proof, within_days, spare, objects, bytes: objects * 10 });
const bucket = (proofs: Proven[]): DurableBucket => ({ bucket: "b", label: "U", profile: "quad", promise: 2, objects: 10, bytes: 100, empty: 0, proofs });

test("proofs of all buckets are added up, the easiest standard first and the safest objects first", () => {
  const all = standards([bucket([proven("read", 30, 1, 2), proven("read", 7, -2, 9), proven("recorded", null, 1, 1)]), bucket([proven("recorded", null, 2, 4), proven("recorded", null, 1, 2)])]);
  expect(all.map(({ name }) => name)).toEqual(["recorded", "read 7", "read 30"]);
  expect(all[0]?.by_spare).toEqual([
    { spare: 2, objects: 4, bytes: 40 },
    { spare: 1, objects: 3, bytes: 30 },
  ]);
  expect(all[0]?.bytes).toBe(70);
});

test("a promise is kept by those that have as many pieces to spare as it says", () => {
  const one = bucket([proven("recorded", null, 2, 9), proven("recorded", null, 1, 1), proven("seen", 1, 0, 10)]);
  expect(kept(one, { name: "recorded" })).toEqual({ part: 0.9, below: 1 });
  expect(kept(one, { name: "seen 1" })).toEqual({ part: 0, below: 10 });
  expect(kept(bucket([]), { name: "recorded" })).toEqual({ part: null, below: 0 });
});

test("too few pieces mean something else where proofs are only old", () => {
  expect(inWords({ proof: "recorded" }, -1)).toBe("too few pieces on record");
  expect(inWords({ proof: "read" }, -1)).toBe("too few pieces proven so");
});
