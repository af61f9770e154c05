// Where things stand in this console. Names of objects go into the query: a path would lose what it holds of dots
// and slashes.

import { uriEncode } from "../../sign/sigv4";

export type Tab = "objects" | "uploads" | "versions" | "rules" | "access" | "placement";

export function toBucket(bucket: string, tab: Tab = "objects", query: Record<string, string | undefined> = {}): string {
  const place = tab === "objects" ? "" : `/${tab}`;
  return `/buckets/${uriEncode(bucket)}${place}${asked(query)}`;
}

export function toFolder(bucket: string, prefix: string, versions = false): string {
  return toBucket(bucket, "objects", { prefix: prefix || undefined, versions: versions ? "1" : undefined });
}

export function toObject(bucket: string, key: string, version?: string | null): string {
  return `/buckets/${uriEncode(bucket)}/object${asked({ key, version: version ?? undefined })}`;
}

function asked(query: Record<string, string | undefined>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${uriEncode(value)}`]));
  return pairs.length > 0 ? `?${pairs.join("&")}` : "";
}
