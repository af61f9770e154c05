// AWS Signature Version 4 over WebCrypto: what proves each request, to the API (service `entente`) and to the
// S3 door (service `s3`). The rules are in the Amazon S3 API reference, "Authenticating Requests".

const ALGORITHM = "AWS4-HMAC-SHA256";
const UNSIGNED = "UNSIGNED-PAYLOAD";
/** Seven days, by the specification. */
export const EXPIRES_MAX_S = 7 * 24 * 60 * 60;

export interface Scope {
  region: string;
  service: "s3" | "entente";
}

export interface Asked {
  method: string;
  /** Encoded, as it is sent. */
  url: URL;
  headers: Record<string, string>;
  /** Hex of its SHA-256. */
  bodyHash: string;
}

/** One access key. The secret is held as a key that the browser does not hand out again. */
export class Signer {
  private readonly derived = new Map<string, Promise<CryptoKey>>();

  private constructor(
    readonly accessKey: string,
    private readonly root: CryptoKey,
  ) {}

  static async of(accessKey: string, secret: string): Promise<Signer> {
    return new Signer(accessKey, await hmacKey(utf8(`AWS4${secret}`)));
  }

  /** The headers that go with the request: those given, with its date, body hash and authorization. */
  async sign(asked: Asked, scope: Scope, at = new Date()): Promise<Record<string, string>> {
    const moment = stamp(at);
    const given = Object.fromEntries(Object.entries(asked.headers).map(([name, value]) => [name.toLowerCase(), value]));
    const sent: Record<string, string> = { ...given, "x-amz-date": moment, "x-amz-content-sha256": asked.bodyHash };
    const signed: Record<string, string> = { ...sent, host: asked.url.host };
    // Whatever a browser may change on the way is sent, and not signed.
    delete signed["content-length"];
    const names = Object.keys(signed).sort();
    const lines = names.map((name) => `${name}:${(signed[name] ?? "").trim().replace(/ +/g, " ")}\n`).join("");
    const canonical = [
      asked.method,
      asked.url.pathname,
      canonicalQuery(asked.url.searchParams),
      lines,
      names.join(";"),
      asked.bodyHash,
    ].join("\n");
    const signature = await this.signature(canonical, moment, scope);
    sent.authorization = `${ALGORITHM} Credential=${this.accessKey}/${scopeText(moment, scope)}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
    return sent;
  }

  /** A link that allows this one request until it expires, to whoever holds it. */
  async presign(method: string, url: URL, scope: Scope, expiresS: number, at = new Date()): Promise<string> {
    const moment = stamp(at);
    const link = new URL(url);
    const query = link.searchParams;
    query.set("X-Amz-Algorithm", ALGORITHM);
    query.set("X-Amz-Credential", `${this.accessKey}/${scopeText(moment, scope)}`);
    query.set("X-Amz-Date", moment);
    query.set("X-Amz-Expires", String(Math.min(Math.max(1, Math.floor(expiresS)), EXPIRES_MAX_S)));
    query.set("X-Amz-SignedHeaders", "host");
    const canonical = [method, link.pathname, canonicalQuery(query), `host:${link.host}\n`, "host", UNSIGNED].join("\n");
    const signature = await this.signature(canonical, moment, scope);
    return `${link.origin}${link.pathname}?${canonicalQuery(query)}&X-Amz-Signature=${signature}`;
  }

  private async signature(canonical: string, moment: string, scope: Scope): Promise<string> {
    const toSign = [ALGORITHM, moment, scopeText(moment, scope), await sha256(utf8(canonical))].join("\n");
    return hex(await hmac(await this.key(moment.slice(0, 8), scope), toSign));
  }

  private key(day: string, { region, service }: Scope): Promise<CryptoKey> {
    const name = `${day}/${region}/${service}`;
    let key = this.derived.get(name);
    if (!key) {
      key = [day, region, service, "aws4_request"].reduce<Promise<CryptoKey>>(
        async (key, part) => hmacKey(await hmac(await key, part)),
        Promise.resolve(this.root),
      );
      this.derived.set(name, key);
    }
    return key;
  }
}

export async function sha256(bytes: Bytes): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", bytes));
}

/** Names and values encoded, in the order of their names. */
export function canonicalQuery(query: URLSearchParams): string {
  const pairs = [...query].map(([name, value]) => [uriEncode(name), uriEncode(value)] as const);
  const order = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
  pairs.sort((one, other) => order(one[0], other[0]) || order(one[1], other[1]));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** `UriEncode` of the specification: everything but RFC 3986's unreserved bytes as `%XX`. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A key as a path: the slashes stay. */
export function uriEncodePath(key: string): string {
  return key.split("/").map(uriEncode).join("/");
}

/** `20130524T000000Z`. */
export function stamp(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d{3}/g, "");
}

export type Bytes = Uint8Array<ArrayBuffer> | ArrayBuffer;

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function scopeText(moment: string, { region, service }: Scope): string {
  return `${moment.slice(0, 8)}/${region}/${service}/aws4_request`;
}

function hmacKey(raw: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

function hmac(key: CryptoKey, text: string): Promise<ArrayBuffer> {
  return crypto.subtle.sign("HMAC", key, utf8(text));
}

function hex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
