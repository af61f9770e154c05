import { expect, test } from "vitest";

import { match, turned } from "./router";

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

test.each<[string, Record<string, string | null>, string]>([
  ["/sites", { span: "15" }, "/sites?span=15"],
  ["/sites?span=15", { span: null }, "/sites"],
  ["/buckets/b?prefix=a%2Fb&after=c", { after: null, versions: "1" }, "/buckets/b?prefix=a%2Fb&versions=1"],
])("%s with %o is %s", (at, changes, to) => expect(turned(at, changes)).toBe(to));
