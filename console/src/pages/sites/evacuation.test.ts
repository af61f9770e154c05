import { expect, test } from "vitest";

import { otherWay, shiftInWords } from "./evacuation";

const shift = (segments: number, bytes: number, from: string, now: number, to: string, then: number) => shiftInWords({ segments, bytes, from, can_lose_now: now, to, can_lose_then: then });

test.each([
  [shift(11, 18_000, "2+2", 2, "1+2", 2), "11 segments (18.0 kB) that lie as 2+2 will lie as 3 copies; they can lose 2 more vendors, as now", false],
  [shift(85, 31_000_000, "2+2", 2, "2+2", 2), "85 segments (31.0 MB) stay 2+2 and can lose 2 more vendors, as now", false],
  [shift(1, 400, "2+2", 2, "1+1", 1), "1 segment (400 bytes) that lies as 2+2 will lie as 2 copies; it can lose 1 more vendor, 1 fewer than now", true],
  [shift(1, 400, "1+1", 1, "1+0", 0), "1 segment (400 bytes) that lies as 2 copies will lie as 1 copy; it can lose no more vendor, 1 fewer than now", true],
  [shift(2, 400, "3+2", 0, "3+2", 2), "2 segments (400 bytes) stay 3+2 and can lose 2 more vendors, 2 more than now", false],
  [shift(1, 400, "2+2", 2, "2+2", 0), "1 segment (400 bytes) stays 2+2 and can lose no more vendor, 2 fewer than now", true],
  [shift(3, 400, "2+2", -1, "2+2", -1), "3 segments (400 bytes) stay 2+2 and cannot be read then as now: too few pieces are on record", false],
  [shift(3, 400, "2+2", 0, "2+2", -1), "3 segments (400 bytes) stay 2+2 and cannot be read then: too few pieces are left on record; now they can lose no more vendor", true],
  [shift(1, 400, "2+2", -1, "1+2", 2), "1 segment (400 bytes) that lies as 2+2 will lie as 3 copies; it can lose 2 more vendors; now too few pieces are on record", false],
])("it is told how segments lie then, and whether they can lose fewer vendors", (told, text, fewer) => {
  expect(told).toEqual({ text, fewer });
});

test("the other way is only told where it would cost more", () => {
  expect(otherWay(1, 2.5).facts).toEqual([["The other way would cost", "$2.50"]]);
  expect(otherWay(1, 2.5).why).toContain("the cheaper way is taken");
  const none = { facts: [], why: null };
  expect(otherWay(1, 1)).toEqual(none);
  expect(otherWay(1, 1.001), "it would be told as the same").toEqual(none);
  expect(otherWay(undefined, undefined), "not told at this label").toEqual(none);
});
