// The S3 door, signed in the browser. What every page needs is here; further operations stand beside it, each
// a function over `S3.request`.

import { Problem, isAbort, unanswered } from "../api/problem";
import { type Bytes, type Signer, sha256, uriEncode, uriEncodePath, utf8 } from "../sign/sigv4";
import { refusalInWords } from "./refusals";
import { Written, changes } from "./written";
import { all, number, parseXml, text } from "./xml";

export interface S3Request {
  method: string;
  bucket?: string;
  key?: string;
  /** A name without a value, as of a sub-resource, is `""`. */
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
  body?: string | Bytes | Blob;
  signal?: AbortSignal;
}

export interface ObjectRow {
  key: string;
  size: number;
  modified: string;
  etag: string;
}

export interface Listing {
  objects: ObjectRow[];
  /** Common prefixes, where a delimiter was given. */
  folders: string[];
  /** For the next page, `undefined` at the end. */
  next?: string;
}

export class S3 {
  readonly written = new Written();

  constructor(
    private readonly signer: Signer,
    readonly endpoint: string,
    private readonly region: string,
  ) {}

  /** Of the key that signs. */
  get accessKey(): string {
    return this.signer.accessKey;
  }

  /** The answer to anything that succeeds, or was not modified; throws a [`Problem`] otherwise. */
  async request({ method, body, headers = {}, signal, ...where }: S3Request): Promise<Response> {
    const url = this.url(where);
    // A file's bytes are digested by the door as they come: hashing them here first would hold them in memory.
    const bytes = typeof body === "string" ? utf8(body) : body;
    const bodyHash = bytes instanceof Blob ? "UNSIGNED-PAYLOAD" : await sha256(bytes ?? utf8(""));
    const signed = await this.signer.sign({ method, url, headers, bodyHash }, { region: this.region, service: "s3" });
    let response: Response;
    try {
      response = await fetch(sentTo(url), { method, headers: signed, body: bytes, signal, cache: "no-store", credentials: "omit" });
    } catch (error) {
      if (isAbort(error)) throw error;
      throw unanswered(error);
    }
    if (response.ok && where.bucket !== undefined && changes({ method, ...where })) this.written.note(where.bucket, response.headers.get("date"));
    if (response.ok || response.status === 304) return response;
    throw s3Problem(response.status, await response.text().catch(() => ""), response.headers.get(REQUEST_ID));
  }

  /** The root element of what is answered. */
  async xml(request: S3Request): Promise<Element> {
    return parseXml(await (await this.request(request)).text());
  }

  /** A link to exactly this, for whoever holds it. */
  presign(method: string, where: Pick<S3Request, "bucket" | "key" | "query">, expiresS: number): Promise<string> {
    return this.signer.presign(method, this.url(where), { region: this.region, service: "s3" }, expiresS);
  }

  async listBuckets(signal?: AbortSignal): Promise<{ name: string; created: string }[]> {
    const root = await this.xml({ method: "GET", signal });
    const buckets = all(all(root, "Buckets")[0] ?? null, "Bucket");
    return buckets.map((bucket) => ({ name: text(bucket, "Name") ?? "", created: text(bucket, "CreationDate") ?? "" }));
  }

  async listObjects(
    bucket: string,
    { prefix = "", delimiter = "/", after, most = 200 }: { prefix?: string; delimiter?: string; after?: string; most?: number },
    signal?: AbortSignal,
  ): Promise<Listing> {
    const query = {
      "list-type": "2",
      "encoding-type": "url",
      "max-keys": most,
      prefix: prefix || undefined,
      delimiter: delimiter || undefined,
      "continuation-token": after,
    };
    return listingOf(await this.xml({ method: "GET", bucket, query, signal }));
  }

  private url({ bucket, key, query = {} }: Pick<S3Request, "bucket" | "key" | "query">): URL {
    const path = [bucket === undefined ? "" : uriEncode(bucket), key === undefined ? undefined : uriEncodePath(key)];
    const url = new URL(`${this.endpoint.replace(/\/+$/, "")}/${path.filter((part) => part !== undefined).join("/")}`);
    const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
    const text = pairs.map(([name, value]) => `${uriEncode(name)}=${uriEncode(String(value))}`).join("&");
    url.search = text;
    return url;
  }
}

export function listingOf(root: Element): Listing {
  const decoded = (value: string) => (text(root, "EncodingType") === "url" ? decodeURIComponent(value.replaceAll("+", "%20")) : value);
  return {
    objects: all(root, "Contents").map((row) => ({
      key: decoded(text(row, "Key") ?? ""),
      size: number(row, "Size") ?? 0,
      modified: text(row, "LastModified") ?? "",
      etag: text(row, "ETag") ?? "",
    })),
    folders: all(root, "CommonPrefixes").map((row) => decoded(text(row, "Prefix") ?? "")),
    next: text(root, "NextContinuationToken"),
  };
}

/** The header that names the request, as the log does. */
export const REQUEST_ID = "x-amz-request-id";

/** What a refusal of the S3 door says; its title is its code. */
export function s3Problem(status: number, body: string, request: string | null = null): Problem {
  try {
    // Not tried where there is nothing: what a browser makes of it has styles that the page's policy forbids.
    const root = body.trim() === "" ? null : parseXml(body);
    const code = text(root, "Code");
    if (code) return new Problem(status, code, refusalInWords({ status, code, message: text(root, "Message"), request: text(root, "RequestId") ?? request ?? undefined }));
  } catch {
    // HEAD has no body, and a proxy in between may say anything.
  }
  return new Problem(status, `status ${status}`, refusalInWords({ status, request: request ?? undefined }));
}

export function sentTo(url: URL): string {
  return __DEV_S3__ && url.origin === new URL(__DEV_S3__).origin ? `/__s3${url.pathname}${url.search}` : url.href;
}
