import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { REFUSALS, refusalInWords } from "./refusals";

test.each([
  [403, "AccessDenied", "Access Denied", /^This session has no right .* can grant it, .* Explain .* In the log it is request 0A1B\.$/],
  [403, "AccessDenied", "Access Denied.", /^This session has no right/],
  [403, "AccessDenied", "Access Denied: the access key has expired.", /^Access Denied: the access key has expired\. In the log it is request 0A1B\.$/],
  [404, "NoSuchKey", "The specified key does not exist.", /^There is no such object .* Load its folder anew[^:]*are\.$/],
  [404, "NoSuchBucket", "The specified bucket does not exist", /Look for it in the list of buckets\.$/],
  [503, "ServiceUnavailable", "Please reduce your request rate or try again later", /^This cannot be done now\. Try again in a moment/],
  [503, "ServiceUnavailable", "Please try again later: one site answers", /^Please try again later: one site answers\. If it stays so, tell whoever runs the sites\./],
  [500, "InternalError", "We encountered an internal error. Please try again.", /^The server failed .* tell whoever runs Entente\. In the log it is request 0A1B\.$/],
  [400, "InvalidRequest", "part 3 is missing", /^part 3 is missing\. In the log/],
  [400, "MalformedXML", "The XML was not well-formed", /^The XML was not well-formed\. If it is so again .* tell whoever runs Entente\. In the log/],
  [400, "EntityTooLarge", "", /^It is larger than the S3 door takes\. Cut it/],
  [400, "Teapot", "", /^Teapot\. If it is so again/],
])("%i %s with %j says what to do", (status, code, message, said) => {
  expect(refusalInWords({ status, code, message, request: "0A1B" })).toMatch(said);
});

test("a status alone says what it can", () => {
  expect(refusalInWords({ status: 403 })).toBe("This key may not do that here. The page Explain says step by step why.");
  expect(refusalInWords({ status: 404, request: "0A1B" }), "one absence is like another").not.toContain("0A1B");
  expect(refusalInWords({ status: 503, request: "0A1B" })).toMatch(/^This cannot be done now.*0A1B\.$/);
  expect(refusalInWords({ status: 502 })).toContain("502");
});

test("what the door says by default is known by its very words", () => {
  const codes = readFileSync(join(import.meta.dirname, "../../../crates/s3/src/error.rs"), "utf8");
  const bare = Object.fromEntries([...codes.matchAll(/^ {4}(\w+) \d{3} "(.*)",$/gm)].map(([, code, message]) => [code, message]));
  for (const [code, refusal] of Object.entries(REFUSALS)) expect(refusal.bare, code).toBe(bare[code]);
});
