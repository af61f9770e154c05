// Server-sent events over `fetch`, since an EventSource cannot sign.

import type { Api } from "./client";
import { Problem } from "./problem";

export interface ServerEvent {
  event: string;
  data: string;
}

/** `live`: events come. `polling`: the server has none, or has gone silent, and pages ask by themselves. */
export type StreamState = "connecting" | "live" | "polling";

/** The server says something every 15 s; after this much silence it is asked anew. */
const SILENCE_MS = 40_000;
const AGAIN_MS = [500, 1_000, 2_000, 4_000, 8_000];

/** Takes text in whatever portions it comes in, and gives whole events. */
export class EventParser {
  private rest = "";

  push(text: string): ServerEvent[] {
    this.rest += text.replace(/\r\n?/g, "\n");
    const blocks = this.rest.split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      let event = "message";
      const data: string[] = [];
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        if (colon === 0) continue;
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (name === "event") event = value;
        if (name === "data") data.push(value);
      }
      return data.length > 0 ? [{ event, data: data.join("\n") }] : [];
    });
  }
}

/** Follows the events until the signal; comes back by itself. */
export async function follow(
  api: Api,
  signal: AbortSignal,
  on: (event: ServerEvent) => void,
  state: (state: StreamState) => void,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const one = new AbortController();
    const stop = () => one.abort();
    signal.addEventListener("abort", stop);
    let silence = setTimeout(stop, SILENCE_MS);
    try {
      const response = await api.send("GET", "/events", { headers: { accept: "text/event-stream" }, signal: one.signal });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser();
      state("live");
      failures = 0;
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done) break;
        clearTimeout(silence);
        silence = setTimeout(stop, SILENCE_MS);
        for (const event of parser.push(value ?? "")) on(event);
      }
    } catch (error) {
      // A key that may not see events, or is no longer known, will not do better by asking often.
      if (error instanceof Problem && [401, 403, 404].includes(error.status)) failures = AGAIN_MS.length;
    } finally {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
    }
    if (signal.aborted) return;
    state("polling");
    await pause(AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)] ?? 8_000, signal);
    failures += 1;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
