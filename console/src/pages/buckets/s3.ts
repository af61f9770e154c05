// What these pages ask of the S3 door beside what every page does: each a function over `S3.request`.

import { Problem } from "../../api/problem";
import { REQUEST_ID, s3Problem, sentTo, type S3 } from "../../s3/client";
import { refusalInWords } from "../../s3/refusals";
import { all, escapeXml, text as found } from "../../s3/xml";
import { NEW_RULE, write, type Rule } from "./lifecycle";
import { byName, merged, type Entry, type Page } from "./listing";
import { Exists, Refused, type Pending, type Sending, type Store, type Stored } from "./upload";

export type Head = {
  bytes: number;
  etag: string;
  modified: string;
  contentType: string;
  version: string | null;
  metadata: [string, string][];
  headers: [string, string][];
  lock: { mode: string; until: string } | null;
  hold: boolean;
  tags: number;
  expires: string | null;
};

export type Version = {
  key: string;
  id: string;
  latest: boolean;
  marker: boolean;
  bytes: number;
  modified: string;
  etag: string;
};

export type Tag = { key: string; value: string };
export type Versioning = "Enabled" | "Suspended" | null;
export type Retention = { mode: "GOVERNANCE" | "COMPLIANCE"; until: string };
export type LockDefault = { mode: "GOVERNANCE" | "COMPLIANCE"; days: number | null; years: number | null };
export type Undeleted = { key: string; version: string | null; code: string; message: string };

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

export async function createBucket(s3: S3, bucket: string, region: string, lockable: boolean): Promise<void> {
  const place = region === "us-east-1" ? "" : element("LocationConstraint", region);
  const body = place && `<CreateBucketConfiguration xmlns="${NAMESPACE}">${place}</CreateBucketConfiguration>`;
  const headers: Record<string, string> = lockable ? { "x-amz-bucket-object-lock-enabled": "true" } : {};
  await s3.request({ method: "PUT", bucket, headers, ...(body ? { body } : {}) });
}

export async function deleteBucket(s3: S3, bucket: string): Promise<void> {
  await s3.request({ method: "DELETE", bucket });
}

/** One page of what lies at a prefix. Names come encoded: XML cannot say all that a name may hold. */
export async function list(s3: S3, bucket: string, prefix: string, after: string | null, most: number, delimiter = "/"): Promise<Page> {
  const query: Record<string, string> = {
    "list-type": "2",
    "encoding-type": "url",
    "max-keys": String(most),
    prefix,
  };
  if (delimiter) query.delimiter = delimiter;
  if (after) query["continuation-token"] = after;
  const root = await s3.xml({ method: "GET", bucket, query });
  const objects = all(root, "Contents").map((item): Extract<Entry, { kind: "object" }> => ({
    kind: "object",
    key: decoded(text(item, "Key")),
    bytes: Number(text(item, "Size")),
    modified: text(item, "LastModified"),
    etag: text(item, "ETag").replace(/"/g, ""),
  }));
  const folders = all(root, "CommonPrefixes").map((item) => decoded(text(item, "Prefix")));
  return { entries: merged(folders, objects), next: text(root, "NextContinuationToken") || null };
}

/** Versions and markers, the newest of each key first. */
export async function versions(
  s3: S3,
  bucket: string,
  prefix: string,
  after: { key: string; id: string } | null,
  most: number,
  delimiter = "",
): Promise<{ versions: Version[]; folders: string[]; next: { key: string; id: string } | null }> {
  const query: Record<string, string> = { versions: "", "encoding-type": "url", "max-keys": String(most), prefix };
  if (delimiter) query.delimiter = delimiter;
  if (after) {
    query["key-marker"] = after.key;
    if (after.id) query["version-id-marker"] = after.id;
  }
  const root = await s3.xml({ method: "GET", bucket, query });
  const one = (item: Element, marker: boolean): Version => ({
    key: decoded(text(item, "Key")),
    id: text(item, "VersionId"),
    latest: text(item, "IsLatest") === "true",
    marker,
    bytes: marker ? 0 : Number(text(item, "Size")),
    modified: text(item, "LastModified"),
    etag: text(item, "ETag").replace(/"/g, ""),
  });
  const listed = [...root.children]
    .filter((item) => item.localName === "Version" || item.localName === "DeleteMarker")
    .map((item) => one(item, item.localName === "DeleteMarker"));
  // Versions come before markers: put together by name, and the newest of each first.
  listed.sort((first, second) => Number(second.latest) - Number(first.latest) || compare(second.modified, first.modified));
  const versions = byName(listed, (version) => version.key);
  const folders = all(root, "CommonPrefixes").map((item) => decoded(text(item, "Prefix")));
  const more = text(root, "IsTruncated") === "true";
  const next = more ? { key: decoded(text(root, "NextKeyMarker")), id: text(root, "NextVersionIdMarker") } : null;
  return { versions, folders, next };
}

export async function head(s3: S3, bucket: string, key: string, version: string | null): Promise<Head> {
  const { headers } = await s3.request({ method: "HEAD", bucket, key, query: versioned(version) });
  const get = (name: string) => headers.get(name);
  const mode = get("x-amz-object-lock-mode");
  const until = get("x-amz-object-lock-retain-until-date");
  const shown = ["cache-control", "content-disposition", "content-encoding", "content-language", "expires"];
  return {
    bytes: Number(get("content-length") ?? 0),
    etag: (get("etag") ?? "").replace(/"/g, ""),
    modified: get("last-modified") ?? "",
    contentType: get("content-type") ?? "",
    version: get("x-amz-version-id"),
    metadata: [...headers].flatMap(([name, value]): [string, string][] =>
      name.startsWith("x-amz-meta-") ? [[name.slice("x-amz-meta-".length), value]] : [],
    ),
    headers: shown.flatMap((name): [string, string][] => (get(name) ? [[name, get(name) ?? ""]] : [])),
    lock: mode && until ? { mode, until } : null,
    hold: get("x-amz-object-lock-legal-hold") === "ON",
    tags: Number(get("x-amz-tagging-count") ?? 0),
    expires: get("x-amz-expiration"),
  };
}

/** The first bytes of it, at most so many. */
export async function firstBytes(s3: S3, bucket: string, key: string, version: string | null, most: number, signal: AbortSignal) {
  // A range of an empty object cannot be satisfied; who asks knows the size.
  const headers = { range: `bytes=0-${most - 1}` };
  const answer = await s3.request({ method: "GET", bucket, key, query: versioned(version), headers, signal });
  return new Uint8Array(await answer.arrayBuffer());
}

export async function bytesOf(s3: S3, bucket: string, key: string, version: string | null, signal: AbortSignal) {
  const answer = await s3.request({ method: "GET", bucket, key, query: versioned(version), signal });
  return new Uint8Array(await answer.arrayBuffer());
}

export async function remove(s3: S3, bucket: string, key: string, version: string | null, bypass: boolean): Promise<void> {
  const headers: Record<string, string> = bypass ? { "x-amz-bypass-governance-retention": "true" } : {};
  await s3.request({ method: "DELETE", bucket, key, query: versioned(version), headers });
}

/** At most a thousand at once. What could not be deleted is answered. */
export async function removeMany(s3: S3, bucket: string, objects: { key: string; version?: string }[]): Promise<Undeleted[]> {
  const one = (object: { key: string; version?: string }) =>
    `<Object>${element("Key", object.key)}${object.version ? element("VersionId", object.version) : ""}</Object>`;
  const body = `<Delete xmlns="${NAMESPACE}">${objects.map(one).join("")}<Quiet>true</Quiet></Delete>`;
  const root = await s3.xml({ method: "POST", bucket, query: { delete: "" }, body });
  return all(root, "Error").map((item) => {
    const code = text(item, "Code");
    // The request itself succeeded: each of these is as if it had been asked for alone.
    const message = refusalInWords({ status: 200, code, message: text(item, "Message") });
    return { key: text(item, "Key"), version: text(item, "VersionId") || null, code, message };
  });
}

/** An older version becomes the newest by a copy onto itself: nothing in between is lost. */
export async function restore(s3: S3, bucket: string, key: string, version: string): Promise<void> {
  await copy(s3, bucket, key, bucket, key, version);
}

export async function copy(s3: S3, from: string, fromKey: string, bucket: string, key: string, version: string | null): Promise<void> {
  const id = version ? `?versionId=${encoded(version)}` : "";
  const source = `/${from}/${fromKey.split("/").map(encoded).join("/")}${id}`;
  await s3.xml({ method: "PUT", bucket, key, headers: { "x-amz-copy-source": source } });
}

export async function tags(s3: S3, bucket: string, key: string, version: string | null): Promise<Tag[]> {
  const root = await s3.xml({ method: "GET", bucket, key, query: { tagging: "", ...versioned(version) } });
  return descendants(root, "Tag").map((tag) => ({ key: text(tag, "Key"), value: text(tag, "Value") }));
}

export async function setTags(s3: S3, bucket: string, key: string, version: string | null, tags: Tag[]): Promise<void> {
  const set = tags.map((tag) => `<Tag>${element("Key", tag.key)}${element("Value", tag.value)}</Tag>`).join("");
  const body = `<Tagging xmlns="${NAMESPACE}"><TagSet>${set}</TagSet></Tagging>`;
  await s3.request({ method: "PUT", bucket, key, query: { tagging: "", ...versioned(version) }, body });
}

export async function setRetention(
  s3: S3,
  bucket: string,
  key: string,
  version: string | null,
  retention: Retention | null,
  bypass: boolean,
): Promise<void> {
  const inner = retention ? element("Mode", retention.mode) + element("RetainUntilDate", retention.until) : "";
  const body = `<Retention xmlns="${NAMESPACE}">${inner}</Retention>`;
  const headers: Record<string, string> = bypass ? { "x-amz-bypass-governance-retention": "true" } : {};
  await s3.request({ method: "PUT", bucket, key, query: { retention: "", ...versioned(version) }, headers, body });
}

export async function setHold(s3: S3, bucket: string, key: string, version: string | null, on: boolean): Promise<void> {
  const body = `<LegalHold xmlns="${NAMESPACE}">${element("Status", on ? "ON" : "OFF")}</LegalHold>`;
  await s3.request({ method: "PUT", bucket, key, query: { "legal-hold": "", ...versioned(version) }, body });
}

export async function versioning(s3: S3, bucket: string): Promise<Versioning> {
  const root = await s3.xml({ method: "GET", bucket, query: { versioning: "" } });
  const status = text(root, "Status");
  return status === "Enabled" || status === "Suspended" ? status : null;
}

export async function setVersioning(s3: S3, bucket: string, status: "Enabled" | "Suspended"): Promise<void> {
  const body = `<VersioningConfiguration xmlns="${NAMESPACE}">${element("Status", status)}</VersioningConfiguration>`;
  await s3.request({ method: "PUT", bucket, query: { versioning: "" }, body });
}

/** `undefined` where nothing can be locked. */
export async function lockDefault(s3: S3, bucket: string): Promise<LockDefault | null | undefined> {
  const root = await unless(
    "ObjectLockConfigurationNotFoundError",
    s3.xml({ method: "GET", bucket, query: { "object-lock": "" } }),
  );
  if (!root) return undefined;
  const [rule] = descendants(root, "DefaultRetention");
  if (!rule) return null;
  const number = (name: string) => (text(rule, name) ? Number(text(rule, name)) : null);
  const mode = text(rule, "Mode") === "COMPLIANCE" ? "COMPLIANCE" : "GOVERNANCE";
  return { mode, days: number("Days"), years: number("Years") };
}

export async function setLockDefault(s3: S3, bucket: string, rule: LockDefault | null): Promise<void> {
  const period = rule?.years ? element("Years", rule.years) : element("Days", rule?.days ?? 0);
  const inner = rule
    ? `<Rule><DefaultRetention>${element("Mode", rule.mode)}${period}</DefaultRetention></Rule>`
    : "";
  const body = `<ObjectLockConfiguration xmlns="${NAMESPACE}"><ObjectLockEnabled>Enabled</ObjectLockEnabled>${inner}</ObjectLockConfiguration>`;
  await s3.request({ method: "PUT", bucket, query: { "object-lock": "" }, body });
}

export async function rules(s3: S3, bucket: string): Promise<Rule[]> {
  const root = await unless(
    "NoSuchLifecycleConfiguration",
    s3.xml({ method: "GET", bucket, query: { lifecycle: "" } }),
  );
  return root ? all(root, "Rule").map(readRule) : [];
}

export async function setRules(s3: S3, bucket: string, rules: readonly Rule[]): Promise<void> {
  const query = { lifecycle: "" };
  if (rules.length === 0) await s3.request({ method: "DELETE", bucket, query });
  else await s3.request({ method: "PUT", bucket, query, body: write(rules) });
}

/** Uploads that were begun and not finished, of every key or of one. */
export async function uploads(s3: S3, bucket: string, prefix = "", signal?: AbortSignal): Promise<Pending[]> {
  const begun: Pending[] = [];
  let after: { key: string; id: string } | null = null;
  do {
    const query: Record<string, string> = { uploads: "", "encoding-type": "url", prefix };
    if (after) Object.assign(query, { "key-marker": after.key, "upload-id-marker": after.id });
    const root: Element = await s3.xml({ method: "GET", bucket, query, ...(signal ? { signal } : {}) });
    for (const item of all(root, "Upload")) {
      begun.push({
        key: decoded(text(item, "Key")),
        id: text(item, "UploadId"),
        initiated: text(item, "Initiated"),
      });
    }
    const more = text(root, "IsTruncated") === "true";
    after = more ? { key: decoded(text(root, "NextKeyMarker")), id: text(root, "NextUploadIdMarker") } : null;
  } while (after);
  return begun;
}

export async function parts(s3: S3, bucket: string, key: string, upload: string, signal?: AbortSignal): Promise<Stored[]> {
  const stored: Stored[] = [];
  let after = "0";
  for (;;) {
    const query = { uploadId: upload, "part-number-marker": after };
    const root = await s3.xml({ method: "GET", bucket, key, query, ...(signal ? { signal } : {}) });
    for (const item of all(root, "Part")) {
      stored.push({
        number: Number(text(item, "PartNumber")),
        etag: text(item, "ETag"),
        bytes: Number(text(item, "Size")),
        sha256: text(item, "ChecksumSHA256") || null,
      });
    }
    if (text(root, "IsTruncated") !== "true") return stored;
    after = text(root, "NextPartNumberMarker");
  }
}

export async function giveUp(s3: S3, bucket: string, key: string, upload: string): Promise<void> {
  await s3.request({ method: "DELETE", bucket, key, query: { uploadId: upload } });
}

/** The store that the upload engine sends to. */
export function storeOf(s3: S3, bucket: string): Store {
  return {
    exists: async (key, signal) => {
      try {
        await s3.request({ method: "HEAD", bucket, key, signal });
        return true;
      } catch (error) {
        // Who may write and not read is told by the door, when it matters.
        if (error instanceof Problem && [403, 404].includes(error.status)) return false;
        throw error;
      }
    },
    put: async (key, body, sha256, unlessThere, sending) => {
      const headers = { "content-type": sending.contentType, ...condition(unlessThere) };
      const { date } = await sent(s3, { bucket, key, query: { "x-amz-checksum-sha256": sha256 } }, headers, body, sending);
      s3.written.note(bucket, date);
    },
    begin: async (key, contentType, signal) => {
      const headers = { "content-type": contentType, "x-amz-checksum-algorithm": "SHA256" };
      const root = await s3.xml({ method: "POST", bucket, key, query: { uploads: "" }, headers, signal }).catch(refused);
      return text(root, "UploadId");
    },
    part: async (key, upload, cut, body, sha256, sending) => {
      const query = { partNumber: String(cut.number), uploadId: upload, "x-amz-checksum-sha256": sha256 };
      return (await sent(s3, { bucket, key, query }, {}, body, sending)).etag;
    },
    parts: (key, upload, signal) => parts(s3, bucket, key, upload, signal).catch(refused),
    pending: async (key, signal) => {
      const begun = await uploads(s3, bucket, key, signal).catch(refused);
      return begun.filter((upload) => upload.key === key);
    },
    complete: async (key, upload, parts, unlessThere, signal) => {
      const one = (part: Stored) => {
        const digest = part.sha256 ? element("ChecksumSHA256", part.sha256) : "";
        return `<Part>${element("PartNumber", part.number)}${element("ETag", part.etag)}${digest}</Part>`;
      };
      const body = `<CompleteMultipartUpload xmlns="${NAMESPACE}">${parts.map(one).join("")}</CompleteMultipartUpload>`;
      const headers = condition(unlessThere);
      await s3.request({ method: "POST", bucket, key, query: { uploadId: upload }, headers, body, signal }).catch(refused);
    },
    giveUp: (key, upload) => giveUp(s3, bucket, key, upload),
  };
}

/** How long a part may wait for its turn on the line. */
const SENT_WITHIN_S = 3_600;

/**
 * A body, with word of how far it is; answers its ETag and when that was. `fetch` does not tell what was sent, so the request is a
 * presigned one of the browser's older kind. Its digest stands in the address and is signed with it.
 */
async function sent(
  s3: S3,
  where: { bucket: string; key: string; query: Record<string, string> },
  headers: Record<string, string>,
  body: Blob,
  { signal, onBytes }: Sending,
): Promise<{ etag: string; date: string | null }> {
  const link = await s3.presign("PUT", where, SENT_WITHIN_S);
  signal.throwIfAborted();
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const end = (act: () => void) => () => {
      signal.removeEventListener("abort", stop);
      act();
    };
    signal.addEventListener("abort", stop);
    request.open("PUT", sentTo(new URL(link)));
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onBytes(event.loaded);
    request.onabort = end(() => failed(signal.reason));
    request.onerror = end(() => failed(new Problem(0, "No answer", "the connection to the S3 door was cut: go on when it is back")));
    request.onload = end(() => {
      if (request.status < 300) return done({ etag: request.getResponseHeader("etag") ?? "", date: request.getResponseHeader("date") });
      try {
        refused(s3Problem(request.status, request.responseText, request.getResponseHeader(REQUEST_ID)));
      } catch (error) {
        failed(error);
      }
    });
    request.send(body);
  });
}

function condition(unlessThere: boolean): Record<string, string> {
  return unlessThere ? { "if-none-match": "*" } : {};
}

/** What is wrong with a request stays wrong: it is not sent again. */
function refused(error: unknown): never {
  if (error instanceof Problem && error.title === "PreconditionFailed") throw new Exists(error.message, { cause: error });
  const later = ["SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "IncompleteBody", "No answer"];
  if (error instanceof Problem && !later.includes(error.title)) throw new Refused(error.message, { cause: error });
  throw error;
}

/** `null` for this refusal. */
async function unless<T>(code: string, asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Problem && error.title === code) return null;
    throw error;
  }
}

function readRule(rule: Element): Rule {
  const filter = all(rule, "Filter")[0];
  const conditions = (filter && all(filter, "And")[0]) ?? filter ?? rule;
  const number = (from: Element | undefined, name: string) => (from && text(from, name) ? Number(text(from, name)) : null);
  const [expiration] = all(rule, "Expiration");
  const [noncurrent] = all(rule, "NoncurrentVersionExpiration");
  const [abort] = all(rule, "AbortIncompleteMultipartUpload");
  return {
    ...NEW_RULE,
    id: text(rule, "ID"),
    enabled: text(rule, "Status") === "Enabled",
    prefix: text(conditions, "Prefix"),
    tags: all(conditions, "Tag").map((tag) => ({ key: text(tag, "Key"), value: text(tag, "Value") })),
    largerThan: number(conditions, "ObjectSizeGreaterThan"),
    smallerThan: number(conditions, "ObjectSizeLessThan"),
    expireDays: number(expiration, "Days"),
    expireDate: (expiration && text(expiration, "Date")) || null,
    expireMarkers: expiration ? text(expiration, "ExpiredObjectDeleteMarker") === "true" : false,
    noncurrentDays: number(noncurrent, "NoncurrentDays"),
    noncurrentKeep: number(noncurrent, "NewerNoncurrentVersions"),
    abortDays: number(abort, "DaysAfterInitiation"),
  };
}

function descendants(of: Element, name: string): Element[] {
  return [...of.getElementsByTagName("*")].filter((child) => child.localName === name);
}

function text(of: Element, name: string): string {
  return found(of, name) ?? "";
}

function element(name: string, value: string | number): string {
  return `<${name}>${escapeXml(String(value))}</${name}>`;
}

function versioned(version: string | null): Record<string, string> {
  return version ? { versionId: version } : {};
}

function decoded(name: string): string {
  return decodeURIComponent(name);
}

function encoded(name: string): string {
  return encodeURIComponent(name).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** SHA-256 as S3 writes it in headers and documents. */
export async function digest(body: Blob): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await body.arrayBuffer()));
  return btoa(String.fromCharCode(...bytes));
}
