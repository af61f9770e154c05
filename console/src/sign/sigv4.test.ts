import { expect, test } from "vitest";

import { Signer, canonicalQuery, sha256, stamp, uriEncode, uriEncodePath, utf8 } from "./sigv4";

// The worked examples of the Amazon S3 API reference, "Authenticating Requests".
const KEY = "AKIAIOSFODNN7EXAMPLE";
const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const AT = new Date("2013-05-24T00:00:00Z");
const SCOPE = { region: "us-east-1", service: "s3" } as const;
const HOST = "https://examplebucket.s3.amazonaws.com";
const signature = (headers: Record<string, string>) => headers.authorization?.split("Signature=")[1];

test("a get comes out as published", async () => {
  const signer = await Signer.of(KEY, SECRET);
  const asked = { method: "GET", url: new URL(`${HOST}/test.txt`), headers: { Range: "bytes=0-9" }, bodyHash: await sha256(utf8("")) };
  const headers = await signer.sign(asked, SCOPE, AT);
  expect(signature(headers)).toBe("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  expect(headers.authorization).toContain("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date");
  expect(headers.host).toBeUndefined();
});

test("a put comes out as published", async () => {
  const signer = await Signer.of(KEY, SECRET);
  const headers = { Date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" };
  const bodyHash = await sha256(utf8("Welcome to Amazon S3."));
  const signed = await signer.sign({ method: "PUT", url: new URL(`${HOST}/test%24file.text`), headers, bodyHash }, SCOPE, AT);
  expect(signature(signed)).toBe("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
});

test("a sub-resource and a listing come out as published", async () => {
  const signer = await Signer.of(KEY, SECRET);
  const bodyHash = await sha256(utf8(""));
  const of = async (query: string) =>
    signature(await signer.sign({ method: "GET", url: new URL(`${HOST}/?${query}`), headers: {}, bodyHash }, SCOPE, AT));
  expect(await of("lifecycle")).toBe("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  expect(await of("max-keys=2&prefix=J")).toBe("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
});

test("a presigned link comes out as published", async () => {
  const signer = await Signer.of(KEY, SECRET);
  const link = await signer.presign("GET", new URL(`${HOST}/test.txt`), SCOPE, 86_400, AT);
  expect(link).toContain("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
});

test("names are encoded once, and sorted by themselves before their values", () => {
  expect(uriEncode("a b/é%2e+~!'()*")).toBe("a%20b%2F%C3%A9%252e%2B~%21%27%28%29%2A");
  expect(uriEncodePath("a b/ü")).toBe("a%20b/%C3%BC");
  expect(canonicalQuery(new URLSearchParams("b=2&a=x y&a=&c"))).toBe("a=&a=x%20y&b=2&c=");
  expect(stamp(new Date("2026-01-02T03:04:05.678Z"))).toBe("20260102T030405Z");
});
