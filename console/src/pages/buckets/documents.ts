// The documents of /api/v1 that these pages read.

import type { Session, Work, Waiting } from "../../api/types";
import type { S3 } from "../../s3/client";
import { bytes, counted, dollars } from "../../ui/format";
import type { Segment } from "./loss";

/** `GET /buckets`. */
export interface Bucket {
  name: string;
  label: string;
  profile: string;
  created: string;
  /** Whose it is; `null` where that user is cleared for more than the session, and so absent to it. */
  owner: string | null;
  /** `off`, `enabled` or `suspended`. */
  versioning: string;
  objects: number | null;
  bytes: number | null;
  /** When that was counted. */
  counted: string | null;
}

/** Whether its figures have in them what this session wrote: it writes at its own label alone. */
export function isCounted({ name, label, objects, counted }: Bucket, s3: S3, session: Session): boolean {
  return objects !== null && (label !== session.label || s3.written.isIn(name, counted));
}

export interface Buckets {
  buckets: Bucket[];
  next?: string | null;
}

/** `GET /buckets/{bucket}/pieces`. */
export interface ObjectPieces {
  key: string;
  version: string | null;
  bytes: number;
  /** `origin`: of a bucket that is being taken over, and not brought yet. */
  where: "journal" | "segments" | "nowhere" | "origin";
  segments: Segment[];
}

/** `GET /buckets/{bucket}/grants`. */
export interface Grants {
  bucket: string;
  label: string;
  grants: { to: string; right: "read" | "write" | "manage" }[];
  next?: string | null;
}

/** `POST /data-move-plan`. */
export interface MovePlan {
  well: number;
  recoded: number;
  copies: number;
  shared: number;
  waits: Waiting[];
  work: Work;
  stored_bytes: number;
  stored_bytes_after: number;
}

/** `GET /data-moves`. What was done and what waits are of every label: only there for those who see everything. */
export interface DataMoves {
  moves: { bucket: string; label: string; profile: string; asked: string; done: boolean }[];
  work?: Work;
  waits?: Waiting[];
}

/** How far the moves are, as far as it is told. */
export function movesInWords({ work, waits }: Pick<DataMoves, "work" | "waits">): string[] {
  if (!work) return ["How far it is, is told to whoever sees all labels."];
  return [
    `Of all moves since the start: ${counted(work.segments, "segment")} moved, ${bytes(work.bytes_written)} written, ${dollars(work.dollars)} at list prices.`,
    ...(waits ?? []).map((wait) => `${counted(wait.segments, "segment")} ${wait.segments === 1 ? "waits" : "wait"} for ${wait.why}.`),
  ];
}

export interface Profile {
  name: string;
  code: string;
  needs: string;
  survives: string;
  size: string;
}

const CODED: Profile[] = [
  { name: "quad", code: "2+2", needs: "four vendors", survives: "any two vendors", size: "twice its size" },
  { name: "lean", code: "2+2", needs: "four vendors, two of them cheap to read from", survives: "any two vendors", size: "twice its size" },
  { name: "std", code: "3+2", needs: "five vendors, your own disks among them", survives: "any two vendors", size: "1.7 times its size" },
  { name: "econ", code: "3+1", needs: "four vendors", survives: "any one vendor, with no slack while one is out", size: "1.3 times its size" },
];

/** The most copies there are, as `model::Profile` has it. */
const COPIES_MAX = 8;
const NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight"];

function mirror(copies: number): Profile {
  const spare = copies - 1;
  return {
    name: `mirror-${copies}`,
    code: copies === 1 ? "1 copy" : `${copies} copies`,
    needs: `${NUMBERS[copies]} ${copies === 1 ? "vendor" : "vendors"}`,
    survives: spare === 0 ? "no vendor" : `any ${NUMBERS[spare]} ${spare === 1 ? "vendor" : "vendors"}`,
    size: copies === 1 ? "its size" : copies === 2 ? "twice its size" : `${NUMBERS[copies]} times its size`,
  };
}

/** The profiles there are, as docs and settings call them. */
export const PROFILES: Profile[] = [...CODED, ...Array.from({ length: COPIES_MAX }, (_, index) => mirror(index + 1))];

/** Those that are offered: others are for few, and are named where a bucket has one. */
export function offered(now: string | null): Profile[] {
  const usual = ["mirror-2", "mirror-3", ...CODED.map((one) => one.name)];
  return PROFILES.filter(({ name }) => usual.includes(name) || name === now);
}
