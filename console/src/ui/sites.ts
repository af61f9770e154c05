// What is said of a site's health, everywhere in the same words.

import type { Site } from "../api/types";
import type { Kind } from "./parts";

export interface Standing {
  kind: Kind;
  text: string;
}

/** Which sides do not answer. A side that rests is told as out too: of a site that is not written to, or not used at
 * all, its reads or its breaker's reason tell whether it answers. */
function silent({ state, reads, writes, reason }: Site): { readsOut: boolean; writesOut: boolean } {
  if (state === "active") return { readsOut: reads === "out", writesOut: writes === "out" };
  const out = state === "draining" ? reads === "out" : state === "suspended" && reason != null;
  return { readsOut: out, writesOut: out };
}

export function standing(site: Site): Standing {
  const { readsOut, writesOut } = silent(site);
  if (site.state === "detached") return { kind: "off", text: "Detached" };
  if (readsOut && writesOut) return { kind: "bad", text: site.state === "active" ? "Out" : `Out, ${site.state}` };
  if (readsOut) return { kind: "bad", text: "Reads out" };
  if (writesOut) return { kind: "bad", text: "Writes out" };
  if (site.state === "draining") return { kind: "busy", text: "Evacuating" };
  if (site.state === "suspended") return { kind: "off", text: "Suspended" };
  if (site.reads === undefined || site.writes === undefined) return { kind: "off", text: "Not known" };
  return { kind: "ok", text: "Well" };
}

export function isOut(site: Site): boolean {
  const { readsOut, writesOut } = silent(site);
  return readsOut || writesOut;
}

const VENDORS: Record<string, string> = { amazon: "Amazon", microsoft: "Microsoft", google: "Google", oracle: "Oracle", own: "Own disks" };

export function vendorName(vendor: string): string {
  return VENDORS[vendor] ?? vendor;
}

/** The colour a site's lines have, by its place among the others. */
export function lineColor(index: number): string {
  return `--s${(index % 8) + 1}`;
}

/** What is of each vendor, in the order in which they first appear. */
export function byVendor<T extends { vendor?: string }>(all: T[]): [vendor: string | undefined, of: T[]][] {
  const groups = new Map<string | undefined, T[]>();
  for (const one of all) groups.set(one.vendor, [...(groups.get(one.vendor) ?? []), one]);
  return [...groups];
}
