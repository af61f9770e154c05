import { expect, test } from "vitest";

import { Problem } from "../../api/problem";
import type { S3, S3Request } from "../../s3/client";
import { parseXml } from "../../s3/xml";
import { NEW_RULE, write } from "./lifecycle";
import { list, lockDefault, removeMany, restore, rules, setTags, uploads, versions } from "./s3";

/** A door that answers with these documents, one after the other, and keeps what it was asked. */
function door(...answers: (string | Problem)[]) {
  const asked: S3Request[] = [];
  const answer = async (request: S3Request) => {
    asked.push(request);
    const next = answers.shift() ?? "<Nothing/>";
    if (next instanceof Problem) throw next;
    return next;
  };
  const s3 = { xml: async (request: S3Request) => parseXml(await answer(request)), request: async (request: S3Request) => new Response(await answer(request)) };
  return { s3: s3 as unknown as S3, asked };
}

test("a page of names comes decoded and in the order of the door", async () => {
  const { s3, asked } = door(
    "<R><NextContinuationToken>t</NextContinuationToken><Contents><Key>z%0A%E2%80%AE</Key><Size>5</Size></Contents><Contents><Key>a</Key><Size>1</Size></Contents><CommonPrefixes><Prefix>b%20c/</Prefix></CommonPrefixes></R>",
  );
  const page = await list(s3, "tea", "", null, 10);
  expect(page.next).toBe("t");
  expect(page.entries.map((entry) => (entry.kind === "folder" ? entry.prefix : entry.key))).toEqual(["a", "b c/", "z\n\u202e"]);
  expect(asked[0]?.query).toMatchObject({ "encoding-type": "url", delimiter: "/" });
});

test("versions and markers stand together, the newest of each name first", async () => {
  const version = (key: string, id: string, at: string, latest: boolean) => `<Version><Key>${key}</Key><VersionId>${id}</VersionId><LastModified>${at}</LastModified><IsLatest>${latest}</IsLatest><Size>1</Size></Version>`;
  const { s3 } = door(
    `<R>${version("a", "1", "2026-01-01T00:00:00Z", false)}${version("a", "2", "2026-01-02T00:00:00Z", false)}${version("b", "4", "2026-01-01T00:00:00Z", true)}<DeleteMarker><Key>a</Key><VersionId>3</VersionId><LastModified>2026-01-03T00:00:00Z</LastModified><IsLatest>true</IsLatest></DeleteMarker><IsTruncated>true</IsTruncated><NextKeyMarker>b</NextKeyMarker><NextVersionIdMarker>4</NextVersionIdMarker></R>`,
  );
  const found = await versions(s3, "tea", "", null, 10);
  expect(found.versions.filter((one) => one.key === "a").map((one) => [one.id, one.marker])).toEqual([
    ["3", true],
    ["2", false],
    ["1", false],
  ]);
  expect(found.versions.map((one) => one.key)).toEqual(["a", "a", "a", "b"]);
  expect(found.next).toEqual({ key: "b", id: "4" });
});

test("rules come back as they were written", async () => {
  const all = [
    { ...NEW_RULE, id: "one", prefix: "logs/<&>", expireDays: 3 },
    { ...NEW_RULE, id: "two", enabled: false, tags: [{ key: "a", value: "b" }, { key: "c", value: "" }], largerThan: 5, noncurrentDays: 2, noncurrentKeep: 1 },
    { ...NEW_RULE, id: "three", expireMarkers: true, abortDays: 7 },
    { ...NEW_RULE, id: "four", expireDate: "2030-01-01T00:00:00Z" },
  ];
  expect(await rules(door(write(all)).s3, "tea")).toEqual(all);
  expect(await rules(door(new Problem(404, "NoSuchLifecycleConfiguration", "")).s3, "tea")).toEqual([]);
  await expect(rules(door(new Problem(403, "AccessDenied", "no")).s3, "tea")).rejects.toThrow("no");
});

test("a bucket that locks nothing is told from one that locks nothing by itself", async () => {
  expect(await lockDefault(door(new Problem(404, "ObjectLockConfigurationNotFoundError", "")).s3, "tea")).toBeUndefined();
  expect(await lockDefault(door("<R><ObjectLockEnabled>Enabled</ObjectLockEnabled></R>").s3, "tea")).toBeNull();
  const rule = "<R><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Years>2</Years></DefaultRetention></Rule></R>";
  expect(await lockDefault(door(rule).s3, "tea")).toEqual({ mode: "COMPLIANCE", days: null, years: 2 });
});

test("every page of unfinished uploads is asked for", async () => {
  const page = (id: string, more: boolean) => `<R><Upload><Key>k</Key><UploadId>${id}</UploadId></Upload><IsTruncated>${more}</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>${id}</NextUploadIdMarker></R>`;
  const { s3, asked } = door(page("1", true), page("2", false));
  expect((await uploads(s3, "tea")).map((upload) => upload.id)).toEqual(["1", "2"]);
  expect(asked[1]?.query).toMatchObject({ "key-marker": "k", "upload-id-marker": "1" });
});

test("names go into documents and headers as they are, whatever they hold", async () => {
  const { s3, asked } = door("<R><Error><Key>a</Key><Code>AccessDenied</Code><Message>locked</Message></Error></R>", "<R/>", "");
  expect(await removeMany(s3, "tea", [{ key: "<a>&\"'" }])).toEqual([{ key: "a", version: null, code: "AccessDenied", message: "locked." }]);
  expect(parseXml(String(asked[0]?.body)).getElementsByTagName("Key")[0]?.textContent).toBe("<a>&\"'");
  await restore(s3, "tea", "a b/ü?", "v1");
  expect(asked[1]?.headers?.["x-amz-copy-source"]).toBe("/tea/a%20b/%C3%BC%3F?versionId=v1");
  await setTags(s3, "tea", "k", null, [{ key: "a<", value: "b&" }]);
  expect(parseXml(String(asked[2]?.body)).getElementsByTagName("Value")[0]?.textContent).toBe("b&");
});
