// One bucket: its name, what is known of it, and the ways into it.

import { type ReactNode } from "react";

import { useDocument } from "../../api/documents";
import { Link } from "../../router";
import { useSession } from "../../session";
import { counted } from "../../ui/format";
import { Bytes, Page } from "../../ui/parts";
import { Label } from "../people/Label";
import { versioningWord } from "./List";
import classes from "./buckets.module.css";
import type { Bucket, Buckets } from "./documents";
import { toBucket, type Tab } from "./paths";

const TABS: { tab: Tab; label: string; may: (who: { data: boolean; grants: boolean; keeps: boolean }) => boolean }[] = [
  { tab: "objects", label: "Objects", may: (who) => who.data },
  { tab: "uploads", label: "Unfinished uploads", may: (who) => who.data },
  { tab: "rules", label: "Versions and rules", may: (who) => who.data },
  { tab: "access", label: "Access", may: (who) => who.grants },
  { tab: "placement", label: "Placement", may: (who) => who.data || who.keeps },
];

/** The bucket as the session sees it; `null` while it is not known, or not to be listed by it. */
export function useBucket(name: string): { bucket: Bucket | null; refresh: () => Promise<void> } {
  const { session, may } = useSession();
  const all = useDocument<Buckets>(may("AskRelease", "SeeStatus") ? "/buckets" : null, { query: { limit: 1000 } });
  const own = all.data?.buckets.filter((bucket) => bucket.name === name) ?? [];
  // As the door resolves a name: the session's own label first.
  return { bucket: own.find((bucket) => bucket.label === session.label) ?? own[0] ?? null, refresh: all.refresh };
}

export function BucketPage({ name, bucket, at, actions, children }: { name: string; bucket: Bucket | null; at: Tab; actions?: ReactNode; children: ReactNode }) {
  const { session, may } = useSession();
  const who = { data: session.role === "mission-owner", grants: may("Grant"), keeps: may("Keep") };
  const lead = bucket && (
    <>
      <Label of={bucket.label} /> {bucket.profile} · versions {versioningWord(bucket)}
      {bucket.objects !== null && (
        <>
          {" "}
          · {counted(bucket.objects, "object")}, <Bytes of={bucket.bytes} />
        </>
      )}
      {who.data && bucket.label !== session.label && " · lies below this session: it is read from here, and written with a key of its label"}
    </>
  );
  return (
    <Page title={name} lead={lead ?? undefined} actions={actions}>
      <nav className={classes.tabs} aria-label={`Views of ${name}`}>
        {TABS.filter((one) => one.may(who)).map(({ tab, label }) => (
          <Link key={tab} to={toBucket(name, tab)} aria-current={tab === at ? "page" : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      {children}
    </Page>
  );
}

/** Whether the session may write here at all: level with it. */
export function writable(bucket: Bucket | null, label: string): boolean {
  return bucket === null || bucket.label === label;
}
