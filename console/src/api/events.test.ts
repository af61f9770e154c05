import { expect, test } from "vitest";

import { EventParser } from "./events";

test("events are whole, however they are cut on the way", () => {
  const text = ': hello\n\nevent: sites\ndata: {"a":\ndata: 1}\n\ndata: plain\r\n\r\nevent: late\ndata: x';
  const whole = [
    { event: "sites", data: '{"a":\n1}' },
    { event: "message", data: "plain" },
  ];
  expect(new EventParser().push(text)).toEqual(whole);
  const parser = new EventParser();
  expect([...text.replaceAll("\r\n", "\n")].flatMap((char) => parser.push(char))).toEqual(whole);
  expect(parser.push("\n\n")).toEqual([{ event: "late", data: "x" }]);
});
