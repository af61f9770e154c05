import { expect, test } from "vitest";

import { listingOf, s3Problem } from "./client";
import { escapeXml, number, one, parseXml, text } from "./xml";

test("a listing is read with its encoded names", () => {
  const listing = listingOf(
    parseXml(`<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
      <EncodingType>url</EncodingType><NextContinuationToken>t/1</NextContinuationToken>
      <Contents><Key>a%2Bb+c/%C3%A9&amp;</Key><Size>5</Size><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>"x"</ETag></Contents>
      <CommonPrefixes><Prefix>photos/</Prefix></CommonPrefixes></ListBucketResult>`),
  );
  expect(listing).toEqual({
    objects: [{ key: "a+b c/é&", size: 5, modified: "2026-01-01T00:00:00Z", etag: '"x"' }],
    folders: ["photos/"],
    next: "t/1",
  });
});

test("a refusal says its code and what the door says of it", () => {
  const problem = s3Problem(403, "<Error><Code>AccessDenied</Code><Message>Access Denied: it is locked</Message><RequestId>0A1B</RequestId></Error>");
  expect([problem.status, problem.title, problem.message]).toEqual([403, "AccessDenied", "Access Denied: it is locked. In the log it is request 0A1B."]);
  expect(s3Problem(404, "", "0A1B").message).toContain("no such thing");
  expect(s3Problem(500, "", "0A1B").message).toContain("0A1B");
  expect(s3Problem(502, "<html>").message).toContain("502");
});

test("elements are found by their names, whatever their namespace", () => {
  const root = parseXml('<a xmlns="urn:x"><b><c>7</c></b><b/></a>');
  expect(text(root, "b", "c")).toBe("7");
  expect(number(root, "b", "c")).toBe(7);
  expect(text(root, "x", "c")).toBeUndefined();
  expect(one(root, "b", "d")).toBeNull();
  expect(escapeXml(`<a & "b">\r`)).toBe("&lt;a &amp; &quot;b&quot;&gt;&#13;");
});
