import { expect, test } from "vitest";

import { type Wanted, complaints, stanza } from "./stanza";

const wanted: Wanted = { name: "amazon-2", vendor: "amazon", kind: "s3", region: "us-west-2", settings: { bucket: "pieces" }, ceiling: "", latitude: "", longitude: "" };

test("a form becomes a stanza of the settings", () => {
  expect(complaints(wanted, ["amazon-1"])).toEqual({});
  expect(stanza(wanted)).toBe('[[site]]\nname = "amazon-2"\nvendor = "amazon"\nkind = "s3"\nregion = "us-west-2"\nbucket = "pieces"\n');
});

test("what another kind would take is left out, and text is quoted", () => {
  const local: Wanted = { ...wanted, kind: "local", vendor: "own", region: "", settings: { bucket: "pieces", path: 'C:\\a"b' }, ceiling: "SECRET", latitude: "47", longitude: "-8.5" };
  expect(stanza(local)).toBe('[[site]]\nname = "amazon-2"\nvendor = "own"\nkind = "local"\npath = "C:\\\\a\\"b"\nceiling = "SECRET"\ncoordinates = [47.0, -8.5]\n');
});

test.each<[string, Partial<Wanted>, string]>([
  ["no name", { name: "" }, "name"],
  ["a name nobody could write", { name: "A b" }, "name"],
  ["a name that is taken", { name: "amazon-1" }, "name"],
  ["no region", { region: "" }, "region"],
  ["no bucket", { settings: {} }, "bucket"],
  ["half a place", { latitude: "3" }, "longitude"],
  ["no place on earth", { latitude: "91", longitude: "0" }, "latitude"],
])("%s is told at its field", (_, more, field) => {
  expect(Object.keys(complaints({ ...wanted, ...more }, ["amazon-1"]))).toEqual([field]);
});
