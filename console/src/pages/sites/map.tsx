// Where the sites are: points on an outline of the land, drawn here from what comes with the page.

import { useMemo } from "react";

import type { Site } from "../../api/types";
import { usePlace } from "../../router";
import { Empty } from "../../ui/parts";
import { standing } from "../../ui/sites";
import { LAND } from "./land";

/** Equirectangular, true at 37 degrees: between most vendors' regions. */
const NARROW = Math.cos((37 * Math.PI) / 180);
const WEST = -170;
const EAST = 180;
const NORTH = 75;
const SOUTH = -56;
const WIDTH = (EAST - WEST) * NARROW;
const HEIGHT = NORTH - SOUTH;
/** Of a name, in units of the map. */
const LETTER = 2.3;
const LINE = 5;
const DOT = 3;

interface Point {
  x: number;
  y: number;
}

interface Placed extends Point {
  site: Site;
  label: Point & { anchor: "start" | "end" };
}

export function SiteMap({ sites }: { sites: Site[] }) {
  const { go } = usePlace();
  const land = useMemo(() => LAND.map(outline).join(""), []);
  const placed = useMemo(() => place(sites), [sites]);
  const unknown = sites.filter((site) => site.latitude == null || site.longitude == null);
  if (placed.length === 0) {
    return (
      <Empty title="No site says where it is">
        Regions of the vendors have their coordinates from Entente; a site of your own gets some with <code>coordinates = [latitude, longitude]</code> in its settings.
      </Empty>
    );
  }
  const described = placed.map(({ site }) => `${site.name}, ${site.region}: ${standing(site).text}`).join("; ");
  return (
    <>
      <svg className="map" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Map of the sites. ${described}`}>
        <path className="land" d={land} />
        {placed.map(({ site, x, y, label }) => {
          const { kind, text } = standing(site);
          return (
            <g key={site.name} className={`map-site map-${kind}`} onClick={() => go(`/sites/${encodeURIComponent(site.name)}`)}>
              <title>{`${site.name}: ${text}`}</title>
              <line x1={x} y1={y} x2={label.x} y2={label.y - 1.5} />
              {kind === "bad" ? <path d={`M${x - 2.4} ${y - 2.4}l4.8 4.8m0-4.8l-4.8 4.8`} className="cross" /> : <circle cx={x} cy={y} r={2.4} />}
              <text x={label.x} y={label.y} textAnchor={label.anchor}>
                {site.name}
              </text>
            </g>
          );
        })}
      </svg>
      {unknown.length > 0 && <p className="muted">Not on the map, as no coordinates are known: {unknown.map((site) => site.name).join(", ")}.</p>}
    </>
  );
}

export function project(latitude: number, longitude: number): Point {
  // What lies west of the map's edge, the tip of Siberia among it, comes in at its east.
  const east = longitude < WEST ? longitude + 360 : longitude;
  return { x: (east - WEST) * NARROW, y: NORTH - latitude };
}

function outline(ring: string): string {
  const numbers = ring.split(" ").map(Number);
  let path = "";
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    const x = ((numbers[at] ?? 0) / 10 - WEST) * NARROW;
    path += `${at === 0 ? "M" : "L"}${x.toFixed(1)} ${(NORTH - (numbers[at + 1] ?? 0) / 10).toFixed(1)}`;
  }
  return `${path}Z`;
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Each site's point, and its name beside it where it covers no other. */
export function place(sites: Site[]): Placed[] {
  const points = sites.flatMap((site) => (site.latitude == null || site.longitude == null ? [] : [{ site, ...project(site.latitude, site.longitude) }]));
  const taken: Box[] = points.map(({ x, y }) => ({ left: x - DOT, right: x + DOT, top: y - DOT, bottom: y + DOT }));
  return points.map(({ site, x, y }) => {
    const length = site.name.length * LETTER;
    const tried = [0, LINE, -LINE, 2 * LINE, -2 * LINE, 3 * LINE, -3 * LINE].flatMap((down) =>
      (["start", "end"] as const).map((anchor) => {
        const at = { x: anchor === "start" ? x + 4 : x - 4, y: y + 1.5 + down, anchor };
        const left = anchor === "start" ? at.x : at.x - length;
        return { label: at, box: { left, right: left + length, top: at.y - LINE + 1, bottom: at.y + 1 } };
      }),
    );
    const fits = ({ box }: { box: Box }) => box.left > 0 && box.right < WIDTH && taken.every((other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom);
    const { label, box } = tried.find(fits) ?? tried[0]!;
    taken.push(box);
    return { site, x, y, label };
  });
}
