// Documents that these pages alone read.

/** `POST /scrub-plan`: told to whoever sees all labels. */
export interface ScrubPlan {
  sites: SiteScrub[];
  /** Of each site and each day. */
  budget: ScrubCost;
  total: ScrubCost;
}

export interface SiteScrub {
  site: string;
  pieces: number;
  depths: { depth: string; cost: ScrubCost }[];
  total: ScrubCost;
  spent_today: ScrubCost;
  within_budget: boolean;
  is_out: boolean;
}

export interface ScrubCost {
  requests: number;
  bytes: number;
  dollars: number;
}

/** `GET /drills`: the last one. What it came to is told to whoever sees all labels. */
export interface Drill {
  at: string;
  failed?: string | null;
  differs?: boolean;
  quiet?: boolean;
  objects?: number;
  silent_sites?: string[];
  tables?: { table: string; same: number; missing: number; unknown: number }[];
}

/** `GET /sweep-plan`: pieces that no record names. Told to whoever sees all labels. */
export interface SweepPlan {
  /** Those where something would go. */
  sites: { site: string; pieces: number }[];
  /** Pieces whose grace is not over. */
  waiting: number;
}

/** `GET /lifecycle-plan`: what rules make due. Told to whoever sees all labels. */
export interface LifecyclePlan {
  rows: LifecycleRow[];
  /** Whether there may be more than one round does. */
  more: boolean;
}

export interface LifecycleRow {
  bucket: string;
  label: string;
  rule: string;
  /** Objects that are deleted, or hidden by a marker where versions are kept. */
  expired: number;
  /** Versions and markers that go for good. */
  removed: number;
  /** Uploads that are given up. */
  aborted: number;
}
