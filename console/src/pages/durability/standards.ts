// The ledger's standards of proof, and what of it meets them.

import type { DurableBucket, Proven } from "../../api/types";

export interface Standard {
  /** `recorded`, `seen 7`. */
  name: string;
  proof: Proven["proof"];
  within_days: number | null;
  title: string;
  short: string;
  bytes: number;
  /** Most spare pieces first. */
  by_spare: { spare: number; objects: number; bytes: number }[];
}

const ORDER: Proven["proof"][] = ["recorded", "seen", "read"];

/** All of them, over all buckets; the easiest first. */
export function standards(buckets: DurableBucket[]): Standard[] {
  const found = new Map<string, Standard>();
  for (const { proof, within_days: days, spare, objects, bytes } of buckets.flatMap((bucket) => bucket.proofs)) {
    const name = nameOf(proof, days);
    const standard = found.get(name) ?? { name, proof, within_days: days, ...titles(proof, days), bytes: 0, by_spare: [] };
    found.set(name, standard);
    standard.bytes += bytes;
    const row = standard.by_spare.find((row) => row.spare === spare);
    if (row) [row.objects, row.bytes] = [row.objects + objects, row.bytes + bytes];
    else standard.by_spare.push({ spare, objects, bytes });
  }
  const all = [...found.values()];
  for (const standard of all) standard.by_spare.sort((one, other) => other.spare - one.spare);
  return all.sort((one, other) => ORDER.indexOf(one.proof) - ORDER.indexOf(other.proof) || (one.within_days ?? 0) - (other.within_days ?? 0));
}

/** What part of a bucket's objects keeps its promise by this standard, and how many do not. */
export function kept(bucket: DurableBucket, { name }: Pick<Standard, "name">): { part: number | null; below: number } {
  const rows = bucket.proofs.filter(({ proof, within_days }) => nameOf(proof, within_days) === name);
  const all = rows.reduce((sum, row) => sum + row.objects, 0);
  const below = rows.filter(({ spare }) => spare < bucket.promise).reduce((sum, row) => sum + row.objects, 0);
  return { part: all > 0 ? (all - below) / all : null, below };
}

export function inWords({ proof }: Pick<Standard, "proof">, spare: number): string {
  if (spare < 0) return proof === "recorded" ? "too few pieces on record" : "too few pieces proven so";
  return spare === 0 ? "just enough" : `${spare} to spare`;
}

function nameOf(proof: string, days: number | null): string {
  return days === null ? proof : `${proof} ${days}`;
}

function titles(proof: Proven["proof"], days: number | null): Pick<Standard, "title" | "short"> {
  const within = days === 1 ? "a day" : `${days ?? 0} days`;
  if (proof === "recorded") return { title: "On record", short: "On record" };
  if (proof === "seen") return { title: `Seen whole within ${within}`, short: `Seen within ${within}` };
  return { title: `Read and proven within ${within}`, short: `Read within ${within}` };
}
