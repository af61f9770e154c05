import { afterEach, expect, test, vi } from "vitest";

import type { Signer } from "../sign/sigv4";
import { Api, PAGES_MAX } from "./client";

afterEach(() => vi.unstubAllGlobals());

interface Asked {
  url: string;
  tag: string | undefined;
}

/** An API that answers this to each question, with the ETag where one is given: 304 to whoever has it already. */
function server(answer: (query: URLSearchParams) => { document: object; etag?: string }) {
  const asked: Asked[] = [];
  vi.stubGlobal("__DEV_API_HOST__", "");
  vi.stubGlobal("fetch", async (url: string, { headers }: { headers: Record<string, string> }) => {
    asked.push({ url, tag: headers["if-none-match"] });
    const { document, etag } = answer(new URL(url, "http://entente").searchParams);
    if (etag && headers["if-none-match"] === etag) return new Response(null, { status: 304 });
    return new Response(JSON.stringify(document), { headers: etag ? { etag } : {} });
  });
  const signer = { sign: async ({ headers }: { headers: Record<string, string> }) => headers } as unknown as Signer;
  return { api: new Api(signer, "here"), asked };
}

/** So many pages of two keys each. */
const keys = (pages: number) => (query: URLSearchParams) => {
  const at = Number(query.get("after") ?? 0);
  const next = at + 1 < pages ? String(at + 1) : null;
  return { document: { keys: [`${at}a`, `${at}b`], page: at, next }, etag: `"${at}"` };
};

test("the pages of a list are one document, with what the last of them says beside its items", async () => {
  const { api, asked } = server(keys(3));
  expect(await api.whole("/keys", { label: "low" })).toEqual({ keys: ["0a", "0b", "1a", "1b", "2a", "2b"], page: 2, next: null });
  expect(asked.map(({ url }) => url)).toEqual(["/api/v1/keys?label=low", "/api/v1/keys?after=1&label=low", "/api/v1/keys?after=2&label=low"]);
});

test("a page that did not change is not sent again", async () => {
  const { api, asked } = server(keys(3));
  const first = await api.whole("/keys");
  expect(await api.whole("/keys")).toEqual(first);
  expect(asked.slice(3).map(({ tag }) => tag)).toEqual(['"0"', '"1"', '"2"']);
});

test("a list without an end is cut, and says so", async () => {
  const { api, asked } = server(keys(Infinity));
  const { keys: found, next } = await api.whole<{ keys: string[]; next: string | null }>("/keys");
  expect([asked.length, found.length, next]).toEqual([PAGES_MAX, 2 * PAGES_MAX, String(PAGES_MAX)]);
});

test("only the items come in pages: what each page says whole is not said twice", async () => {
  const paged = (name: string) => (query: URLSearchParams) => {
    const last = query.has("after");
    return { document: { [name]: [last ? 2 : 1], waits: ["google"], next: last ? null : "x" } };
  };
  const whole = async (path: string, name: string) => expect(await server(paged(name)).api.whole(path), path).toEqual({ [name]: [1, 2], waits: ["google"], next: null });
  await whole("/sites", "sites");
  await whole("/buckets/photos/grants", "grants");
  await whole("/data-moves", "moves");
  await whole("/durability", "buckets");
});

test("a document that is no list comes as it is", async () => {
  const { api, asked } = server(() => ({ document: { label: "low", next: "soon" } }));
  expect(await api.whole("/session")).toEqual({ label: "low", next: "soon" });
  expect(asked.length).toBe(1);
});

test("answers of long ago are not kept for ever", async () => {
  const { api, asked } = server((query) => ({ document: { at: query.get("at") }, etag: '"same"' }));
  for (let at = 0; at < 300; at++) {
    await api.get("/history", { at });
    await api.get("/sites");
  }
  asked.length = 0;
  await api.get("/history", { at: 0 });
  await api.get("/sites");
  expect(asked.map(({ tag }) => tag)).toEqual([undefined, '"same"']);
});
