// What a release waits for, and what this person can do about it. The server decides; this only keeps buttons away
// that would be refused.

import type { Release } from "./documents";

export type Step = "sign" | "refuse" | "take back" | "carry out";

export const SIGNATURES = 2;

export interface Who {
  user: string | null;
  signs: boolean;
  asks: boolean;
}

export function possible(release: Release, who: Who): Step[] {
  const mine = who.user !== null && release.asked_by === who.user;
  const signed = release.signed_by.some((one) => one.by === who.user);
  if (release.state === "done" || release.state === "ended") return [];
  const steps: Step[] = [];
  if (who.signs && !mine) {
    if (release.state === "open" && !signed) steps.push("sign");
    if (release.state === "signed") steps.push("carry out");
    steps.push("refuse");
  }
  if (who.asks && mine) steps.push("take back");
  return steps;
}

/** In words. */
export function waitsFor(release: Release): string {
  const missing = Math.max(0, SIGNATURES - release.signed_by.length);
  switch (release.state) {
    case "open":
      return missing === 1 ? "waits for one more signature" : `waits for ${missing} signatures`;
    case "signed":
      return "signed, and not yet carried out";
    case "done":
      return "done";
    case "ended":
      return release.ended_by === release.asked_by ? "taken back" : "refused";
  }
}

/** Those that wait for this person first, then those that wait, then the others; newest first. */
export function inOrder(releases: readonly Release[], who: Who): Release[] {
  const rank = (release: Release) => {
    const steps = possible(release, who);
    if (steps.includes("sign") || steps.includes("carry out")) return 0;
    return release.state === "open" || release.state === "signed" ? 1 : 2;
  };
  return [...releases].sort((one, other) => rank(one) - rank(other) || (one.asked < other.asked ? 1 : -1));
}

/** Hexadecimal JSON, as the content of a release says what comes along with the bytes. */
export function saidOfIt(header: string | null): { metadata: Record<string, string>; headers: Record<string, string>; tags: Record<string, string> } {
  const nothing = { metadata: {}, headers: {}, tags: {} };
  if (!header || header.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(header)) return nothing;
  const bytes = Uint8Array.from(header.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  try {
    return { ...nothing, ...(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as object) };
  } catch {
    return nothing;
  }
}
