// One bucket: its name, what is known of it, and the ways into it.

import { type ReactNode, useEffect } from "react";

import { useDocument } from "../../api/documents";
import type { Problem } from "../../api/problem";
import { Link } from "../../router";
import { useSession } from "../../session";
import { useEdges } from "../../ui/edges";
import { counted } from "../../ui/format";
import { Age, Bytes, Empty, Page, sentence } from "../../ui/parts";
import { Label } from "../people/Label";
import { versioningWord } from "./List";
import classes from "./buckets.module.css";
import { isCounted, type Bucket, type Buckets } from "./documents";
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
  const all = useDocument<Buckets>(may("AskRelease", "SeeStatus") ? "/buckets" : null, { every: 15 });
  const own = all.data?.buckets.filter((bucket) => bucket.name === name) ?? [];
  // As the door resolves a name: the session's own label first.
  return { bucket: own.find((bucket) => bucket.label === session.label) ?? own[0] ?? null, refresh: all.refresh };
}

/** Whether the bucket is not there for this session: nothing on its pages would work. */
export function isGone(problem: Problem | undefined): problem is Problem {
  return problem !== undefined && (problem.status === 403 || problem.status === 404);
}

interface Props {
  name: string;
  bucket: Bucket | null;
  at: Tab;
  actions?: ReactNode;
  /** Why what the page is for was not told. */
  refused?: Problem;
  children: ReactNode;
}

export function BucketPage({ name, bucket, at, actions, refused, children }: Props) {
  const { session, s3, may } = useSession();
  const who = { data: session.role === "mission-owner", grants: may("Grant"), keeps: may("Keep") };
  if (isGone(refused) && bucket === null) {
    return (
      <Page title={name} lead={<Link to="/buckets">Buckets</Link>}>
        <div className="panel" role="alert">
          <Empty title="There is no such bucket for this session">
            <p>{sentence(refused.message)}</p>
            <p>
              <Link to="/buckets">These are the buckets there are.</Link>
            </p>
          </Empty>
        </div>
      </Page>
    );
  }
  const lead = bucket && (
    <>
      <Link to="/buckets">Buckets</Link> · <Label of={bucket.label} /> {bucket.owner === null ? "owner not told at this label" : `owned by ${bucket.owner}`} · {bucket.profile} · versions {versioningWord(bucket)}
      {bucket.objects !== null && isCounted(bucket, s3, session) ? (
        <>
          {" "}
          · {counted(bucket.objects, "object or version", "objects and versions")}, <Bytes of={bucket.bytes} />, counted <Age at={bucket.counted} />
        </>
      ) : (
        " · what was written is counted within about a minute"
      )}
      {who.data && bucket.label !== session.label && " · lies below this session: it is read from here, and written with a key of its label"}
    </>
  );
  return (
    <Page title={name} lead={lead ?? <Link to="/buckets">Buckets</Link>} actions={actions}>
      <Tabs name={name} at={at} shown={TABS.filter((one) => one.may(who))} />
      {children}
    </Page>
  );
}

function Tabs({ name, at, shown }: { name: string; at: Tab; shown: typeof TABS }) {
  const { box, more } = useEdges<HTMLElement>();
  useEffect(() => {
    const [row, chosen] = [box.current, box.current?.querySelector<HTMLElement>("[aria-current]")];
    if (!row || !chosen) return;
    // The row alone is scrolled, and not the page; anew where the window is turned.
    const sizes = new ResizeObserver(() => void (row.scrollLeft = chosen.offsetLeft - row.offsetLeft - (row.clientWidth - chosen.offsetWidth) / 2));
    sizes.observe(row);
    return () => sizes.disconnect();
  }, [at, box]);
  return (
    <nav ref={box} className={`${classes.tabs} edges`} data-more={more} aria-label={`Views of ${name}`}>
      {shown.map(({ tab, label }) => (
        <Link key={tab} to={toBucket(name, tab)} aria-current={tab === at ? "page" : undefined}>
          {label}
        </Link>
      ))}
    </nav>
  );
}

/** Whether the session may write here at all: level with it. */
export function writable(bucket: Bucket | null, label: string): boolean {
  return bucket === null || bucket.label === label;
}
