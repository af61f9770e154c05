// The API under /api/v1: each request is signed here, so that no secret travels.

import { type Signer, canonicalQuery, sha256, utf8 } from "../sign/sigv4";
import { isAbort, problemOf, unanswered } from "./problem";
import type { SignInFacts } from "./types";

export type Query = Record<string, string | number | boolean | undefined>;

interface Options {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

interface Kept {
  etag: string;
  document: unknown;
}

/** A list that is longer is cut: a browser does not hold it, and the command line tells all of it. */
export const PAGES_MAX = 20;

/** Answers kept at most. Where a page of a list begins moves with what is added before it, and one of old is not asked again. */
const KEPT_MAX = 100;

/** The items of documents that come in pages, where they are not named as their path ends. */
const ITEMS: Record<string, string> = { "/data-moves": "moves", "/durability": "buckets" };

export class Api {
  /** The last answer to each question that came with an ETag, so that an unchanged one is not sent again; the latest asked last. */
  private readonly kept = new Map<string, Kept>();
  /** Called once the server no longer knows the key. */
  onUnknown?: () => void;
  /** Called with every request: whether the server answered at all. */
  onReach?: (answers: boolean) => void;

  constructor(
    private readonly signer: Signer,
    private readonly region: string,
  ) {}

  async get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    const name = path + (query ? `?${encode(query)}` : "");
    const kept = this.kept.get(name);
    const headers: Record<string, string> = kept ? { "if-none-match": kept.etag } : {};
    const response = await this.send("GET", path, { query, headers, signal });
    if (response.status === 304 && kept) return this.keep(name, kept) as T;
    const document: unknown = await response.json();
    const etag = response.headers.get("etag");
    return (etag ? this.keep(name, { etag, document }) : document) as T;
  }

  /**
   * All pages of a list as one document: the items of all, and the rest as the last page says it. `next` is still there
   * where it goes on beyond `PAGES_MAX` pages. A document that is no list comes as it is.
   */
  async whole<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    const name = ITEMS[path] ?? path.slice(path.lastIndexOf("/") + 1);
    let page = await this.get<Record<string, unknown>>(path, query, signal);
    const items = page[name];
    if (!Array.isArray(items)) return page as T;
    let all: unknown[] = items;
    for (let pages = 1; pages < PAGES_MAX && goesOn(page); pages++) {
      page = await this.get(path, { ...query, after: page.next }, signal);
      all = all.concat(page[name]);
    }
    return { ...page, [name]: all } as T;
  }

  private keep(name: string, answer: Kept): unknown {
    this.kept.delete(name);
    this.kept.set(name, answer);
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT_MAX && oldest !== undefined) this.kept.delete(oldest);
    return answer.document;
  }

  /** `undefined` where the answer has no body. One key a call: sent again by the browser, it is done once. */
  async post<T = void>(path: string, body?: unknown): Promise<T> {
    return this.change("POST", path, body, { "idempotency-key": crypto.randomUUID() });
  }

  async put<T = void>(path: string, body?: unknown): Promise<T> {
    return this.change("PUT", path, body);
  }

  async patch<T = void>(path: string, body?: unknown): Promise<T> {
    return this.change("PATCH", path, body);
  }

  async delete<T = void>(path: string): Promise<T> {
    return this.change("DELETE", path);
  }

  private async change<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
    const response = await this.send(method, path, { body, headers });
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** A path under `/api/v1`, such as `/sites`. Throws a [`Problem`] for anything but a success, or 304. */
  async send(method: string, path: string, { query, body, headers = {}, signal }: Options = {}): Promise<Response> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const asked = query ? encode(query) : "";
    const sent = `/api/v1${path}${asked ? `?${asked}` : ""}`;
    const url = new URL(sent, location.origin);
    if (__DEV_API_HOST__) url.host = __DEV_API_HOST__;
    const given = body === undefined ? headers : { ...headers, "content-type": "application/json" };
    const bodyHash = await sha256(utf8(text));
    const signed = await this.signer.sign({ method, url, headers: given, bodyHash }, { region: this.region, service: "entente" });
    let response: Response;
    try {
      response = await fetch(sent, { method, headers: signed, body: text || undefined, signal, cache: "no-store", credentials: "omit" });
    } catch (error) {
      if (isAbort(error)) throw error;
      this.onReach?.(false);
      throw unanswered(error);
    }
    this.onReach?.(true);
    if (response.ok || response.status === 304) return response;
    const problem = await problemOf(response);
    if (problem.status === 401) this.onUnknown?.();
    throw problem;
  }
}

/** What is told before sign-in. */
export async function signInFacts(signal?: AbortSignal): Promise<SignInFacts> {
  let response: Response;
  try {
    response = await fetch("/api/v1/sign-in", { signal, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw unanswered(error);
  }
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as SignInFacts;
}

/** Whether a document is a page that another one follows. */
export function goesOn<T extends object>(document: T): document is T & { next: string } {
  return "next" in document && typeof document.next === "string";
}

function encode(query: Query): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  return canonicalQuery(new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])));
}

/** A name as one part of a path. */
export { uriEncode as part } from "../sign/sigv4";
