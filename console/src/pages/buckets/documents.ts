// The documents of /api/v1 that these pages read.

import type { Work, Waiting } from "../../api/types";
import type { Segment } from "./loss";

/** `GET /buckets`. */
export interface Bucket {
  name: string;
  label: string;
  profile: string;
  created: string;
  /** `off`, `enabled` or `suspended`. */
  versioning: string;
  objects: number | null;
  bytes: number | null;
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

/** `GET /data-moves`. */
export interface DataMoves {
  moves: { bucket: string; label: string; profile: string; asked: string; done: boolean }[];
  work: Work;
  waits: Waiting[];
}

/** The profiles there are, as docs and settings call them. */
export const PROFILES: { name: string; code: string; needs: string; survives: string; size: string }[] = [
  { name: "quad", code: "2+2", needs: "four vendors", survives: "any two vendors", size: "twice its size" },
  { name: "lean", code: "2+2", needs: "four vendors, two of them cheap to read from", survives: "any two vendors", size: "twice its size" },
  { name: "std", code: "3+2", needs: "five vendors, your own disks among them", survives: "any two vendors", size: "1.7 times its size" },
  { name: "econ", code: "3+1", needs: "four vendors", survives: "any one vendor, with no slack while one is out", size: "1.3 times its size" },
  { name: "mirror-2", code: "2 copies", needs: "two vendors", survives: "any one vendor", size: "twice its size" },
  { name: "mirror-3", code: "3 copies", needs: "three vendors", survives: "any two vendors", size: "three times its size" },
];
