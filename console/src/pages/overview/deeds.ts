// What is being done, in words.

import type { ActivityItem } from "../../api/types";
import type { Kind } from "../../ui/parts";

/** By `kind`: what is done to what. */
const DEEDS: Record<string, (what: string) => string> = {
  out: (what) => `${what} is out`,
  suspended: (what) => `${what} is suspended`,
  evacuation: (what) => `Evacuation of ${what}`,
  "catch-up": (what) => `Bringing up what is below its promise, in ${what}`,
  repair: (what) => `Repair of ${what}`,
  scrub: (what) => `Scrub: ${what}`,
  backup: (what) => `Backup of ${what}`,
  compaction: (what) => `Compaction of ${what}`,
  sweep: (what) => `Sweep of ${what}`,
  snapshot: (what) => `Snapshot, kept at ${what}`,
  lifecycle: (what) => `Lifecycle rules of ${what}`,
  move: (what) => `Move of ${what}`,
  adoption: (what) => `${what} moves in`,
};

export const KINDS: Record<string, Kind> = { running: "busy", waiting: "warn", paused: "off", stopped: "bad" };

export function deed({ kind, what }: Pick<ActivityItem, "kind" | "what">): string {
  return DEEDS[kind]?.(what) ?? `${kind}: ${what}`;
}
