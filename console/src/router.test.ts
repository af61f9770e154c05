import { expect, test } from "vitest";

import { match } from "./router";

test.each<[string, string, Record<string, string> | null]>([
  ["/", "/", {}],
  ["/sites", "/sites/", {}],
  ["/sites", "/sites/amazon", null],
  ["/sites/:site", "/sites/am%20azon", { site: "am azon" }],
  ["/sites/:site", "/sites", null],
  ["/buckets/:bucket/*", "/buckets/b/a/b%2Fc", { bucket: "b", rest: "a/b/c" }],
  ["/buckets/:bucket/*", "/buckets/b", { bucket: "b", rest: "" }],
  ["/sites/:site", "/sites/%zz", { site: "%zz" }],
])("%s takes of %s", (pattern, path, params) => expect(match(pattern, path)).toEqual(params));
