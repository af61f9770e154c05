// A `[[site]]` of the settings, from what a form says.

export type SiteKind = "local" | "s3" | "azure" | "gcs" | "oci";

export interface Wanted {
  name: string;
  vendor: string;
  kind: SiteKind;
  region: string;
  /** By the names of settings; what is empty is left out. */
  settings: Partial<Record<Setting, string>>;
  ceiling: string;
  latitude: string;
  longitude: string;
}

export type Setting = "path" | "bucket" | "namespace" | "account" | "container" | "prefix" | "endpoint" | "credentials" | "proxy";

interface Field {
  name: Setting;
  label: string;
  hint?: string;
  needed: boolean;
}

const REMOTE: Field[] = [
  { name: "prefix", label: "Prefix", hint: "Where other things lie in the same bucket", needed: false },
  { name: "endpoint", label: "Endpoint", hint: "Where it is not the vendor’s own", needed: false },
  { name: "credentials", label: "Credentials file", hint: "Without, they are looked for where the vendor’s own tools look", needed: false },
  { name: "proxy", label: "Proxy", needed: false },
];

/** As `crates/server/src/config/file/site.rs` has them. */
export const KINDS: Record<SiteKind, { label: string; vendors: string[]; region: boolean; fields: Field[] }> = {
  s3: {
    label: "S3-compatible bucket",
    vendors: ["amazon", "microsoft", "google", "oracle", "own"],
    region: true,
    fields: [{ name: "bucket", label: "Bucket", needed: true }, ...REMOTE],
  },
  azure: {
    label: "Azure container",
    vendors: ["microsoft", "own"],
    region: true,
    fields: [{ name: "account", label: "Storage account", needed: true }, { name: "container", label: "Container", needed: true }, ...REMOTE],
  },
  gcs: { label: "Google bucket", vendors: ["google", "own"], region: true, fields: [{ name: "bucket", label: "Bucket", needed: true }, ...REMOTE] },
  oci: {
    label: "Oracle bucket",
    vendors: ["oracle", "own"],
    region: true,
    fields: [{ name: "bucket", label: "Bucket", needed: true }, { name: "namespace", label: "Namespace", needed: false }, ...REMOTE],
  },
  local: {
    label: "Directory on this machine",
    vendors: ["own", "amazon", "microsoft", "google", "oracle"],
    region: false,
    fields: [{ name: "path", label: "Path", hint: "Absolute, or from where the settings file is", needed: true }],
  },
};

/** What is still missing or cannot be, by field. */
export function complaints(wanted: Wanted, taken: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  if (!wanted.name) found.name = "Every site has a name.";
  else if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(wanted.name)) found.name = "Lower-case letters, figures and hyphens.";
  else if (taken.includes(wanted.name)) found.name = "There is a site of this name already.";
  const kind = KINDS[wanted.kind];
  if (kind.region && !wanted.region) found.region = "Its vendor’s name for the region.";
  for (const field of kind.fields) if (field.needed && !wanted.settings[field.name]) found[field.name] = "It is not found without.";
  if (Boolean(wanted.latitude) !== Boolean(wanted.longitude)) found[wanted.latitude ? "longitude" : "latitude"] = "Both, or neither.";
  const degrees = (text: string, most: number) => text === "" || (Number.isFinite(Number(text)) && Math.abs(Number(text)) <= most);
  if (!degrees(wanted.latitude, 90)) found.latitude = "Degrees from -90 to 90.";
  if (!degrees(wanted.longitude, 180)) found.longitude = "Degrees from -180 to 180.";
  return found;
}

export function stanza(wanted: Wanted): string {
  const kind = KINDS[wanted.kind];
  const lines: [string, string][] = [
    ["name", quoted(wanted.name)],
    ["vendor", quoted(wanted.vendor)],
    ["kind", quoted(wanted.kind)],
  ];
  if (wanted.region) lines.push(["region", quoted(wanted.region)]);
  for (const { name } of kind.fields) {
    const value = wanted.settings[name];
    if (value) lines.push([name, quoted(value)]);
  }
  if (wanted.ceiling) lines.push(["ceiling", quoted(wanted.ceiling)]);
  if (wanted.latitude && wanted.longitude) lines.push(["coordinates", `[${float(wanted.latitude)}, ${float(wanted.longitude)}]`]);
  return `[[site]]\n${lines.map(([name, value]) => `${name} = ${value}`).join("\n")}\n`;
}

/** A basic string of TOML. */
function quoted(text: string): string {
  const escaped = [...text].map((char) => {
    if (char === '"' || char === "\\") return `\\${char}`;
    const code = char.codePointAt(0) ?? 0;
    return code < 0x20 || code === 0x7f ? `\\u${code.toString(16).padStart(4, "0")}` : char;
  });
  return `"${escaped.join("")}"`;
}

/** Floats of TOML have a point. */
function float(text: string): string {
  const value = String(Number(text));
  return /[.e]/.test(value) ? value : `${value}.0`;
}
