// The documents of /api/v1 that these pages read, as `crates/server/src/api/wire.rs` writes them.

import type { Role } from "../../api/types";

export interface User {
  user: string;
  user_id: string;
  role: Role;
  clearance: string;
  created: string;
  suspended: string | null;
}

export interface Users {
  users: User[];
  next?: string | null;
}

export interface Group {
  group: string;
  group_id: string;
  members: string[];
  created: string;
}

export interface Groups {
  groups: Group[];
  next?: string | null;
}

export interface Key {
  access_key: string;
  user: string;
  label: string;
  expires: string | null;
  sources: string[];
  created: string;
  revoked: string | null;
}

export interface Keys {
  keys: Key[];
  next?: string | null;
}

/** The one time the secret is shown. */
export interface IssuedKey {
  access_key: string;
  secret_key: string;
  user: string;
  label: string;
}

export interface Release {
  id: string;
  state: "open" | "signed" | "done" | "ended";
  asked_by: string;
  asked: string;
  reason: string;
  bucket: string;
  key: string;
  label: string;
  etag: string;
  size: number;
  to_bucket: string;
  to_key: string;
  to_label: string;
  signed_by: { by: string; at: string }[];
  ended_by: string | null;
  ended: string | null;
}

export interface Releases {
  releases: Release[];
  next?: string | null;
}

export interface LabelInUse {
  label: string;
  epochs: number[];
  buckets: number;
  stream: string | null;
}

export interface Labels {
  labels: LabelInUse[];
}

export interface ShredPlan {
  label: string;
  buckets: string[];
  versions: number;
  bytes: number;
  uploads: number;
  access_keys: number;
  keys: number;
  locked: number;
  sites: { site: string; pieces: number }[];
  catalog: string;
  root_key: string;
  sealed_under_passphrase: boolean;
  shares: { root: string; needed: number; holders: string[]; made: string }[];
  backups: { root: string; place: string; digest: string; made: string }[];
}

export interface Explanation {
  action: string;
  allowed: boolean;
  label: string;
  steps: { step: string; outcome: "yes" | "no"; why: string }[];
}

export const ROLES: { role: Role; name: string; does: string }[] = [
  { role: "mission-owner", name: "mission owner", does: "uses data: buckets, objects, grants on them, releases asked for" },
  { role: "platform-operator", name: "platform operator", does: "runs sites, repairs and moves; reads no data and grants nothing" },
  { role: "security-officer", name: "security officer", does: "says who may do what, issues keys, signs releases; reads no data but what it is to sign" },
  { role: "contracting-officer", name: "contracting officer", does: "sees status and what things cost" },
  { role: "auditor", name: "auditor", does: "sees people, releases and labels; changes nothing" },
];

export function roleName(role: string | null): string {
  return ROLES.find((one) => one.role === role)?.name ?? role ?? "no role";
}

/** Every action there is at the S3 door. */
export const ACTIONS = [
  "GetObject",
  "PutObject",
  "ListObjects",
  "DeleteObject",
  "DeleteVersion",
  "ListBuckets",
  "CreateBucket",
  "HeadBucket",
  "DeleteBucket",
  "ListUploads",
  "ListVersions",
  "ReadSettings",
  "WriteSettings",
  "Preflight",
  "ReadBucketAcl",
  "WriteBucketAcl",
  "ListParts",
  "ReadVersion",
  "WriteTags",
  "WriteLock",
  "BypassGovernance",
  "AbortUpload",
  "ReadObjectAcl",
  "WriteObjectAcl",
];

export const ON_ACCOUNT = ["ListBuckets", "CreateBucket"];
export const ON_OBJECT = ["GetObject", "PutObject", "DeleteObject", "DeleteVersion", "ListParts", "ReadVersion", "WriteTags", "WriteLock", "BypassGovernance", "AbortUpload", "ReadObjectAcl", "WriteObjectAcl"];
