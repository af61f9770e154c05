// What is said of a site's health, everywhere in the same words.

import type { Site } from "../api/types";
import type { Kind } from "./parts";

export interface Standing {
  kind: Kind;
  text: string;
}

export function standing(site: Site): Standing {
  const readsOut = site.reads === "out";
  const writesOut = site.writes === "out";
  if (site.state === "detached") return { kind: "off", text: "Detached" };
  if (readsOut && writesOut) return { kind: "bad", text: site.state === "active" ? "Out" : `Out, ${site.state}` };
  if (readsOut) return { kind: "bad", text: "Reads out" };
  if (writesOut) return { kind: "bad", text: "Writes out" };
  if (site.state === "draining") return { kind: "busy", text: "Evacuating" };
  if (site.state === "suspended") return { kind: "off", text: "Suspended" };
  if (site.reads === undefined || site.writes === undefined) return { kind: "off", text: "Not known" };
  return { kind: "ok", text: "Well" };
}

export const isOut = (site: Site): boolean => site.state !== "detached" && (site.reads === "out" || site.writes === "out");

const VENDORS: Record<string, string> = { amazon: "Amazon", microsoft: "Microsoft", google: "Google", oracle: "Oracle", own: "Own disks" };

export function vendorName(vendor: string): string {
  return VENDORS[vendor] ?? vendor;
}

/** The colour a site's lines have, by its place among the others. */
export function lineColor(index: number): string {
  return `--s${(index % 8) + 1}`;
}
