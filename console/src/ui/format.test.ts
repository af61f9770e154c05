import { expect, test } from "vitest";

import { age, bytes, counted, dollars, duration, millis, moment, percent } from "./format";

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1.0 kB"],
  [1536, "1.5 kB"],
  [999_949, "1.0 MB"],
  [12_345_678, "12.3 MB"],
  [123_456_789, "123 MB"],
  [5e12, "5.0 TB"],
])("%d bytes are %s", (count, text) => expect(bytes(count)).toBe(text));

test.each([
  [0, "$0"],
  [0.0000123, "$0.000012"],
  [0.005, "$0.005"],
  [0.01, "$0.01"],
  [1234.5, "$1,234.50"],
])("%d dollars are %s", (value, text) => expect(dollars(value)).toBe(text));

test.each([
  [3, "3 s"],
  [150, "3 min"],
  [7200, "2 h"],
  [3 * 86_400, "3 days"],
])("%d seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

test("what is not known is a dash, and what is not a time is told as it is", () => {
  expect([bytes(null), dollars(undefined), millis(null), age(null)]).toEqual(["–", "–", "–", "–"]);
  expect(age("never")).toBe("never");
  expect(moment("never")).toBe("never");
});

test("ages look both ways", () => {
  const now = Date.parse("2026-01-01T00:10:00Z");
  expect(age("2026-01-01T00:09:59.5Z", now)).toBe("just now");
  expect(age("2026-01-01T00:00:00Z", now)).toBe("10 min ago");
  expect(age("2026-01-01T01:10:00Z", now)).toBe("in 60 min");
  expect(moment("2026-01-01T00:10:00.123Z")).toBe("2026-01-01 00:10:00 UTC");
});

test("counts, shares and latencies", () => {
  expect([counted(1, "object"), counted(1200, "object")]).toEqual(["1 object", "1,200 objects"]);
  expect([percent(0), percent(0.0004), percent(0.123), percent(0.9999), percent(1)]).toEqual(["0 %", "< 0.1 %", "12.3 %", "> 99.9 %", "100 %"]);
  expect([millis(0.44), millis(12.3), millis(1500), millis(12_000)]).toEqual(["0.4 ms", "12 ms", "1.5 s", "12 s"]);
});
