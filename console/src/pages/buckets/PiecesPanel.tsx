// Where the pieces of an object lie, and what loss it survives. Vendors can be taken away here, to see what would
// be left; nothing is done to them.

import { Button } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import type { Sites } from "../../api/types";
import { useSession } from "../../session";
import { uriEncode } from "../../sign/sigv4";
import { bytes, counted, moment } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Empty, Load, Panel } from "../../ui/parts";
import { vendorName } from "../../ui/sites";
import classes from "./buckets.module.css";
import type { ObjectPieces } from "./documents";
import { counts, readableWithout, sentence, survives, taken, type Piece, type Segment } from "./loss";

/** Drawn one by one at most: of more segments the sums say it all. */
const SEGMENTS_MAX = 24;

interface Props {
  bucket: string;
  objectKey: string;
  version: string | null;
  etag: string;
}

export function PiecesPanel({ bucket, objectKey, version, etag }: Props) {
  const { may } = useSession();
  // The ETag makes it another document when the object is another.
  const pieces = useDocument<ObjectPieces>(`/buckets/${uriEncode(bucket)}/pieces`, { query: { key: objectKey, version: version ?? undefined }, every: 15 });
  const sites = useDocument<Sites>(may("SeeStatus") ? "/sites" : null);
  const regions = new Map(sites.data?.sites.map((site) => [site.name, site.region]));
  return (
    <Panel title="Where it lies" aside={pieces.data && (pieces.data.where === "journal" ? "in the journal of its label: it is small" : counted(pieces.data.segments.length, "segment"))}>
      <Load of={pieces} quiet={(problem) => (problem.status === 404 ? <Empty title="Where its pieces lie is not known here">{problem.message}</Empty> : undefined)}>
        {(found) => <Drawing key={etag} of={found} regions={regions} />}
      </Load>
    </Panel>
  );
}

function Drawing({ of, regions }: { of: ObjectPieces; regions: Map<string, string> }) {
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const { segments } = of;
  const vendors = new Map<string, string>();
  for (const segment of segments) for (const piece of segment.pieces) vendors.set(piece.site, piece.vendor ?? piece.site);
  const vendorOf = (site: string) => vendors.get(site) ?? site;
  if (of.where === "origin") return <Empty title="It still lies where this bucket is being taken over from">It is brought here by the copy in the background, or when it is written.</Empty>;
  if (segments.length === 0) return <Empty title="It has no bytes, and so no pieces" />;

  // Where the data lies first.
  const least = (site: string) => Math.min(...segments.flatMap((segment) => segment.pieces.filter((piece) => piece.site === site).map((piece) => piece.index)));
  const sites = [...vendors.keys()].sort((one, other) => least(one) - least(other) || (one < other ? -1 : 1));
  const out = sites.filter((site) => segments.some((segment) => segment.pieces.some((piece) => piece.site === site && !counts(piece))));
  const codes = [...new Set(segments.map((segment) => `${segment.k}+${segment.m}`))];
  const [first] = segments;
  const readable = readableWithout(segments, gone, vendorOf);
  const left = survives(segments, vendorOf);
  const stored = taken(segments);
  const all = segments.reduce((sum, segment) => sum + segment.bytes, 0);

  const press = (vendor: string) => {
    const next = new Set(gone);
    if (!next.delete(vendor)) next.add(vendor);
    setGone(next);
  };

  return (
    <div className="stack">
      <div className={classes.survives} data-bad={!readable || (left ?? 0) < 1 || undefined} role="status">
        <Icon name={readable ? "durability" : "warn"} size={22} />
        <span>
          {gone.size === 0
            ? sentence(left, out)
            : readable
              ? `Without ${[...gone].join(" and ")} it can still be read.`
              : `Without ${[...gone].join(" and ")} it could not be read until one of them is back.`}
        </span>
      </div>
      <div className={classes.vendors}>
        {sites.map((site) => {
          const vendor = vendorOf(site);
          return (
            <button
              key={site}
              type="button"
              className={classes.vendor}
              data-gone={gone.has(vendor) || undefined}
              aria-pressed={gone.has(vendor)}
              onClick={() => press(vendor)}
              title={gone.has(vendor) ? `Put ${vendor} back` : `See what is left without ${vendor}`}
            >
              <strong>{site}</strong>
              <small>{regions.get(site) ? `${vendorName(vendor)}, ${regions.get(site)}` : vendorName(vendor)}</small>
              <span className={classes.pieces}>
                {segments.slice(0, SEGMENTS_MAX).flatMap((segment) => segment.pieces.filter((piece) => piece.site === site).map((piece) => <Cell key={`${segment.segment}/${piece.index}`} segment={segment} piece={piece} />))}
              </span>
            </button>
          );
        })}
      </div>
      <p className="muted">
        {first && first.k === 1
          ? `Each vendor holds a whole copy, encrypted.`
          : `Any ${first?.k} pieces of a segment give it back: ${codes.join(" and ")} means so many of data and so many of parity.`}{" "}
        {bytes(all)} encrypted take about {bytes(stored.all)} at the sites{stored.silent > 0 && `, ${bytes(stored.silent)} of it at sites that do not answer now`}.
        {segments.length > SEGMENTS_MAX && ` The first ${SEGMENTS_MAX} of ${segments.length} segments are drawn; what it survives is told of all.`}
      </p>
      <div className="row">
        <Legend kind="data">data</Legend>
        <Legend kind="parity">parity</Legend>
        {segments.some((segment) => segment.pieces.some((piece) => !counts(piece))) && <Legend kind="lost">does not answer</Legend>}
        {gone.size > 0 && (
          <Button size="compact-xs" variant="default" onClick={() => setGone(new Set())}>
            Put all back
          </Button>
        )}
        {gone.size === 0 && <span className="muted">Press a vendor to see what is left without it.</span>}
      </div>
    </div>
  );
}

function Cell({ segment, piece }: { segment: Segment; piece: Piece }) {
  const there = counts(piece);
  const kind = segment.k === 1 ? "a copy" : piece.data ? "data" : "parity";
  const proven = piece.proven ? `proven ${moment(piece.proven)}` : "as recorded when it was written";
  const said = `piece ${piece.index + 1} of ${segment.k + segment.m}, ${kind}, ${there ? proven : "its site does not answer"}`;
  return (
    <span className={`${classes.piece} ${there ? (piece.data ? classes.data : classes.parity) : classes.lost}`} title={said}>
      {piece.data ? `D${piece.index + 1}` : `P${piece.index + 1 - segment.k}`}
      <span className="unseen">{said}</span>
    </span>
  );
}

function Legend({ kind, children }: { kind: "data" | "parity" | "lost"; children: string }) {
  return (
    <span className="row">
      <span className={`${classes.piece} ${classes[kind]}`} aria-hidden="true">
        {kind === "data" ? "D" : kind === "parity" ? "P" : ""}
      </span>
      {children}
    </span>
  );
}
