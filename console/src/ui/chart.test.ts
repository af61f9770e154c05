import { expect, test } from "vitest";

import { alone, most, spanOf, sum, thinned, timesOf } from "./chart";
import { inWords } from "./strip";

test("values are thinned from the end, and what was not measured stays unknown", () => {
  expect(thinned([1, 2, 3], 3, sum)).toEqual([1, 2, 3]);
  expect(thinned([1, 2, 3, 4, 5], 2, sum)).toEqual([3, 12]);
  expect(thinned([null, null, 3, null], 2, most)).toEqual([null, 3]);
});

test("the last value is of the last whole step", () => {
  expect(timesOf("1970-01-01T00:01:07Z", 10, 3)).toEqual([40, 50, 60]);
});

test("an outage is told in words", () => {
  expect(inWords({ reads: [0, 0], writes: [0, 0] })).toBe("well all the time");
  expect(inWords({ reads: [1, 0], writes: [1, 1] })).toBe("reads out for 50.0 % of it, writes for 100 %");
  expect(inWords({ reads: [null], writes: [null] })).toBe("not looked at");
  expect(inWords({ reads: [0, 0], writes: [0, 0] }, true), "what is out was not well all the time").toBe("well until just now");
  expect(inWords({ reads: [null], writes: [null] }, true)).toBe("out since just now");
});

test("a value without neighbours is drawn as a point", () => {
  expect(alone([5])).toEqual([0]);
  expect(alone([null, 1, null, 2, 3, null, 4])).toEqual([1, 6]);
  expect(alone([1, 2, 3])).toEqual([]);
});

test("the axis of time ends with the newest value, of one alone too", () => {
  expect(spanOf(1000, 1000 + 86_400, 1)).toEqual([940, 1000]);
  expect(spanOf(1000, 1010, 2)).toEqual([950, 1010]);
  expect(spanOf(1000, 4600, 361)).toEqual([1000, 4600]);
});
