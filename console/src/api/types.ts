// The documents of /api/v1 that the console reads, as `crates/server/src/api/wire.rs` writes them.

/** `GET /sign-in`. */
export interface SignInFacts {
  region: string;
  s3_endpoint: string;
  version: string;
}

export type Role = "mission-owner" | "platform-operator" | "security-officer" | "contracting-officer" | "auditor";

/** What a role may do beside the data: `policy::duty::Duty`. */
export type Duty =
  | "SeeStatus"
  | "Keep"
  | "Adopt"
  | "Scrub"
  | "BackUp"
  | "SeePeople"
  | "SetPeople"
  | "IssueKeys"
  | "RotateOwnKey"
  | "Grant"
  | "AskRelease"
  | "SeeReleases"
  | "SignRelease"
  | "SeeLabels"
  | "RotateLabel"
  | "ShredLabel"
  | "ExplainOwn"
  | "ExplainAny";

/** `GET /session`. */
export interface Session {
  user: string | null;
  role: Role | null;
  roles_duties: Duty[];
  label: string;
  enclave: string;
  region: string;
  s3_endpoint: string;
  version: string;
  /** Whether nothing in the enclave lies above the session. */
  sees_all: boolean;
  labels: string[];
}

export type Health = "well" | "out";
export type SiteState = "active" | "suspended" | "draining" | "detached";

export interface Waiting {
  segments: number;
  /** To be read behind "wait for". */
  why: string;
}

/** In US dollars. */
export interface Prices {
  storage_gb_month: number;
  writes_per_1000: number;
  reads_per_1000: number;
  egress_gb: number;
}

/** `GET /sites`. The sums are only there for those who see everything. */
export interface Site {
  name: string;
  vendor: string;
  region: string;
  kind?: string | null;
  state: SiteState;
  reads?: Health;
  writes?: Health;
  reason?: string | null;
  latitude?: number | null;
  longitude?: number | null;
  ceiling?: string | null;
  prices?: Prices | null;
  pieces?: number;
  bytes?: number | null;
  moved_pieces?: number;
  moved_bytes?: number;
  read_bytes?: number;
  dollars?: number;
  dearer_dollars?: number;
  waits?: Waiting[];
}

export interface Sites {
  sites: Site[];
}

/** `POST /site-checks`: answered whether the site works or not. */
export interface SiteCheck {
  name: string;
  vendor: string;
  region: string;
  ceiling: string;
  /** `null` if it could not be read. */
  held_by: string | null;
  steps: SiteCheckStep[];
  /** What does not work, and what to do. */
  advice: string[];
  works: boolean;
}

export interface SiteCheckStep {
  step: "marker" | "put" | "get" | "range" | "list" | "delete";
  millis: number;
  error: string | null;
}

export interface Series {
  requests?: (number | null)[];
  errors?: (number | null)[];
  p50_ms?: (number | null)[];
  p99_ms?: (number | null)[];
}

/** `GET /history`. */
export interface History {
  step_s: number;
  until: string;
  /** Of all labels: for those who see everything. */
  door?: Series | null;
  sites: Record<string, Series & { reads_out?: (number | null)[]; writes_out?: (number | null)[] }>;
}

/** `GET /activity`. */
export interface Activity {
  items: ActivityItem[];
}

export interface ActivityItem {
  kind: string;
  what: string;
  why: string;
  since: string | null;
  /** Without a total it is not known how much there is. */
  progress: { done: number; total: number | null; unit: string } | null;
  /** `running`, `waiting`, `paused` or `stopped`. */
  state: string;
}

/** `GET /overview`. */
export interface Overview {
  promise: { spare: number; objects: number; bytes: number }[];
  promise_age_s: number | null;
  /** `null` where it is not told: to a session that does not see everything. */
  below_promise: number | null;
  /** Profiles for which too few vendors take writes now. */
  refused_writes: string[];
  /** What is wrong with the machine itself; `null` where it is not told. */
  troubles: { what: string; advice: string }[] | null;
  /** At list prices; `null` where none are known, or too little was measured yet. */
  cost_month: { sites: Record<string, { storage_dollars: number | null; request_dollars: number | null }> } | null;
}

/** What work takes, at list prices. */
export interface Work {
  segments: number;
  pieces: number;
  bytes_read: number;
  bytes_written: number;
  requests: number;
  dollars: number;
}

/** How segments with a piece at the sites that are left lie, now and then: codes such as `2+2`, of which `1+2` is three copies. */
export interface Shift {
  segments: number;
  bytes: number;
  from: string;
  /** How many more vendors they can lose; below none, too few pieces are even on record. */
  can_lose_now: number;
  to: string;
  can_lose_then: number;
}

export interface EvacuationPlan {
  sites: string[];
  copied: number;
  computed: number;
  recoded: number;
  waiting: number;
  waits: Waiting[];
  work: Work;
  /** What the other way would cost wherever there are two. */
  dearer_dollars: number;
  shifts: Shift[];
}

export interface RepairPlan {
  by_spare: { spare: number; work: Work }[];
  waiting: number;
  waits: Waiting[];
  work: Work;
}

export interface RepairState {
  of: number;
  segments: number;
  waits: Waiting[];
  work: Work;
  over: boolean;
  left: number;
  failed: string | null;
  compared: Compared | null;
}

export interface Compared {
  sites: number;
  pieces: number;
  missing: number;
  restored: number;
  not_asked: { site: string; why: string; on_purpose: boolean }[];
}

export interface Compacted {
  segments: number;
  into: number;
  live_bytes: number;
  stored_bytes: number;
  waiting: number;
}

export interface CompactionState {
  done: Compacted;
  over: boolean;
  failed: string | null;
}

export interface Proven {
  proof: "recorded" | "seen" | "read";
  within_days: number | null;
  spare: number;
  objects: number;
  bytes: number;
}

/** `GET /durability`. */
export interface Durability {
  at: string;
  buckets: DurableBucket[];
  sites: ProvenSite[];
  next?: string | null;
}

export interface DurableBucket {
  bucket: string;
  label: string;
  profile: string;
  promise: number;
  objects: number;
  bytes: number;
  empty: number;
  proofs: Proven[];
}

export interface ProvenSite {
  site: string;
  oldest_seen: string | null;
  oldest_read: string | null;
  requests_today: number;
  bytes_today: number;
  dollars_today: number;
}

export interface Finding {
  fault: string;
  site: string;
  object: string;
  segment: string | null;
  piece: number | null;
  first: string;
  last: string;
  times: number;
  over: string | null;
}

export interface Findings {
  findings: Finding[];
  next?: string | null;
}

/** `GET /scrubs`. The sums are only there for those who see everything. */
export interface ScrubState {
  running: boolean;
  failed: string | null;
  at: string;
  looked_at?: number;
  proven?: number;
  requests?: number;
  bytes?: number;
  dollars?: number;
  found?: Record<string, number>;
  stopped?: { site: string; depth: string; why: string }[];
}
