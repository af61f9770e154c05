// Lifecycle rules: as the door writes them, as a form has them, and in words.

import { escapeXml } from "../../s3/xml";

export type Rule = {
  id: string;
  enabled: boolean;
  prefix: string;
  tags: { key: string; value: string }[];
  largerThan: number | null;
  smallerThan: number | null;
  /** Objects go after so many days, ... */
  expireDays: number | null;
  /** ... or on a day (RFC 3339, midnight UTC). */
  expireDate: string | null;
  /** Delete markers behind which nothing is left. */
  expireMarkers: boolean;
  /** Older versions go so many days after they were replaced, but for so many newest of them. */
  noncurrentDays: number | null;
  noncurrentKeep: number | null;
  /** Uploads that were not finished. */
  abortDays: number | null;
};

export const NEW_RULE: Rule = {
  id: "",
  enabled: true,
  prefix: "",
  tags: [],
  largerThan: null,
  smallerThan: null,
  expireDays: null,
  expireDate: null,
  expireMarkers: false,
  noncurrentDays: null,
  noncurrentKeep: null,
  abortDays: null,
};

/** What is wrong with it, in words for its author, or `null`. */
export function complaint(rule: Rule): string | null {
  const positive = (value: number | null) => value === null || (Number.isInteger(value) && value > 0);
  if (![rule.expireDays, rule.noncurrentDays, rule.abortDays].every(positive)) {
    return "Days are whole numbers from 1.";
  }
  if ([rule.expireDays !== null, rule.expireDate !== null, rule.expireMarkers].filter(Boolean).length > 1) {
    return "Choose one: after days, on a date, or delete markers alone.";
  }
  const acts = rule.expireDays ?? rule.expireDate ?? rule.noncurrentDays ?? rule.abortDays;
  if (acts === null && !rule.expireMarkers) return "Say what the rule does: it removes nothing yet.";
  if (rule.expireMarkers && rule.tags.length > 0) return "Delete markers have no tags: take the tags out.";
  const aboutVersions = rule.tags.length > 0 || rule.largerThan !== null || rule.smallerThan !== null;
  if (rule.abortDays !== null && aboutVersions) {
    return "Unfinished uploads have neither tags nor a size: make a rule of its own for them.";
  }
  if (rule.noncurrentKeep !== null && rule.noncurrentDays === null) {
    return "How many older versions stay is said together with after how many days the others go.";
  }
  if (rule.noncurrentKeep !== null && (rule.noncurrentKeep < 1 || rule.noncurrentKeep > 100)) {
    return "Between 1 and 100 older versions can be kept.";
  }
  if (rule.largerThan !== null && rule.smallerThan !== null && rule.largerThan >= rule.smallerThan) {
    return "No object is larger than the one and smaller than the other size.";
  }
  return null;
}

/** In words. */
export function inWords(rule: Rule): string {
  const days = (count: number) => (count === 1 ? "1 day" : `${count} days`);
  const what: string[] = [];
  if (rule.expireDays !== null) what.push(`objects go ${days(rule.expireDays)} after they were written`);
  if (rule.expireDate !== null) what.push(`objects go on ${rule.expireDate.slice(0, 10)}`);
  if (rule.expireMarkers) what.push("delete markers with nothing behind them go");
  if (rule.noncurrentDays !== null) {
    const keep = rule.noncurrentKeep ? `, but for the newest ${rule.noncurrentKeep}` : "";
    what.push(`older versions go ${days(rule.noncurrentDays)} after they were replaced${keep}`);
  }
  if (rule.abortDays !== null) what.push(`unfinished uploads go after ${days(rule.abortDays)}`);
  const text = what.join("; ");
  return text ? `${text[0]?.toUpperCase()}${text.slice(1)}.` : "";
}

/** The document that the store takes. */
export function write(rules: readonly Rule[]): string {
  const body = rules.map(writeRule).join("");
  return `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${body}</LifecycleConfiguration>`;
}

function writeRule(rule: Rule): string {
  const id = rule.id ? element("ID", rule.id) : "";
  const conditions = [
    ...(rule.prefix ? [element("Prefix", rule.prefix)] : []),
    ...rule.tags.map((tag) => `<Tag>${element("Key", tag.key)}${element("Value", tag.value)}</Tag>`),
    ...(rule.largerThan === null ? [] : [element("ObjectSizeGreaterThan", rule.largerThan)]),
    ...(rule.smallerThan === null ? [] : [element("ObjectSizeLessThan", rule.smallerThan)]),
  ];
  const inner = conditions.length > 1 ? `<And>${conditions.join("")}</And>` : conditions.join("");
  const filter = `<Filter>${inner}</Filter>`;
  const status = element("Status", rule.enabled ? "Enabled" : "Disabled");
  let expiration = "";
  if (rule.expireDays !== null) expiration = element("Days", rule.expireDays);
  else if (rule.expireDate !== null) expiration = element("Date", rule.expireDate);
  else if (rule.expireMarkers) expiration = element("ExpiredObjectDeleteMarker", "true");
  const expire = expiration && `<Expiration>${expiration}</Expiration>`;
  const keep = rule.noncurrentKeep === null ? "" : element("NewerNoncurrentVersions", rule.noncurrentKeep);
  const noncurrent =
    rule.noncurrentDays === null
      ? ""
      : `<NoncurrentVersionExpiration>${element("NoncurrentDays", rule.noncurrentDays)}${keep}</NoncurrentVersionExpiration>`;
  const abort =
    rule.abortDays === null
      ? ""
      : `<AbortIncompleteMultipartUpload>${element("DaysAfterInitiation", rule.abortDays)}</AbortIncompleteMultipartUpload>`;
  return `<Rule>${id}${filter}${status}${expire}${noncurrent}${abort}</Rule>`;
}

function element(name: string, value: string | number): string {
  return `<${name}>${escapeXml(String(value))}</${name}>`;
}
