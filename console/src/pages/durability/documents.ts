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
