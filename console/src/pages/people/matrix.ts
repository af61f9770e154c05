// The role matrix as the server tells it, turned into tables; read with a doubt, as one of a newer server may say more.

export interface Table {
  /** Where the bucket lies: `same`, `below`, …; of duties, `duties`. */
  name: string;
  what: string;
  columns: string[];
  rows: { name: string; cells: string[] }[];
}

export interface Matrix {
  duties: Table | null;
  data: Table[];
}

/** `GET /role-matrix`. */
interface Told {
  roles?: string[];
  duties?: { duty: string; roles: string[] }[];
  actions?: { action: string; label: string; outcomes: Record<string, string> }[];
}

/** What one is to a bucket, the most first. */
const STANDS = ["owner", "manage", "write", "read", "stranger"];

export function readMatrix(document: unknown): Matrix {
  const { roles, duties, actions } = (document ?? {}) as Told;
  const labels = new Map<string, Table>();
  for (const { action, label, outcomes } of Array.isArray(actions) ? actions : []) {
    const stands = Object.keys(outcomes ?? {});
    const columns = [...STANDS.filter((stand) => stands.includes(stand)), ...stands.filter((stand) => !STANDS.includes(stand))];
    const table = labels.get(label) ?? { name: label, what: "Action", columns, rows: [] };
    table.rows.push({ name: action, cells: table.columns.map((column) => outcomes[column] ?? "") });
    labels.set(label, table);
  }
  if (!Array.isArray(roles) || !Array.isArray(duties)) return { duties: null, data: [...labels.values()] };
  const rows = duties.map((duty) => ({ name: duty.duty, cells: roles.map((role) => (duty.roles.includes(role) ? "yes" : "")) }));
  return { duties: { name: "duties", what: "Duty", columns: roles, rows }, data: [...labels.values()] };
}

/** What a duty is, or an action on data, for whoever does not know its name. */
const WORDS: Record<string, string> = {
  SeeStatus: "See sites, their health, and how much there is of everything",
  Keep: "Say what sites are used for, leave them, repair and move data",
  Adopt: "Take over a bucket from elsewhere",
  Scrub: "Have pieces compared and read again now",
  BackUp: "Keep a copy of the catalog",
  SeePeople: "See people, groups and their keys, without secrets",
  SetPeople: "Make people, clear them, suspend them, and group them",
  IssueKeys: "Issue, rotate and revoke access keys",
  RotateOwnKey: "Take a new secret for one’s own key",
  Grant: "Say who beside its owner may use a bucket: an officer of any, others of what they manage",
  AskRelease: "Ask that an object is copied to a lower label",
  SeeReleases: "See releases; who asks sees their own",
  SignRelease: "Sign a release, or refuse it",
  SeeLabels: "See the labels in use and the epochs of their keys",
  RotateLabel: "Take a new key for what is written at a label from now on",
  ShredLabel: "Make everything at a label unreadable for ever",
  ExplainOwn: "Ask why something of one’s own is allowed or not",
  ExplainAny: "Ask the same of anybody",
  HeadBucket: "Learn that the bucket exists",
  DeleteBucket: "Delete the bucket",
  ListObjects: "List its objects",
  ListUploads: "List unfinished uploads",
  ListVersions: "List older versions and deleted objects",
  ReadSettings: "Read what the bucket was told: versions, tags, rules",
  WriteSettings: "Change versions, tags and rules",
  Preflight: "Learn which other web pages may see its answers",
  ReadBucketAcl: "Read the bucket’s access control list",
  WriteBucketAcl: "Change the bucket’s access control list",
  GetObject: "Read an object",
  PutObject: "Write an object, whole or in parts",
  DeleteObject: "Delete an object; where versions are kept it can be brought back",
  DeleteVersion: "Delete a version for good",
  ListParts: "List the parts of an unfinished upload",
  ReadVersion: "Read what is known of a version beside its bytes",
  WriteTags: "Change an object’s tags",
  WriteLock: "Set a retention or a legal hold",
  BypassGovernance: "Act against a retention in governance mode",
  AbortUpload: "Give up an unfinished upload",
  ReadObjectAcl: "Read an object’s access control list",
  WriteObjectAcl: "Change an object’s access control list",
};

/** A newer server may know more: that is shown by its name. */
export function inWords(name: string): string | undefined {
  return WORDS[name];
}
