// Writes src/pages/sites/land.ts: the outline of the land, for the map of sites. Run once, by hand:
//
//   npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
//   node scripts/land.mjs package/land-110m.json
//
// The data is Natural Earth's (1:110m, land), which is in the public domain; world-atlas brings it as TopoJSON.

import { readFileSync, writeFileSync } from "node:fs";

/** Tenths of a degree: below a pixel at any size the map is drawn in. */
const PER_DEGREE = 10;

const { arcs, transform, objects } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const decoded = arcs.map((arc) => {
  let [x, y] = [0, 0];
  return arc.map(([dx, dy]) => {
    [x, y] = [x + dx, y + dy];
    return [x * transform.scale[0] + transform.translate[0], y * transform.scale[1] + transform.translate[1]];
  });
});
const ring = (indices) =>
  indices.flatMap((index, at) => {
    const points = index < 0 ? [...decoded[~index]].reverse() : decoded[index];
    return at === 0 ? points : points.slice(1);
  });
const polygons = objects.land.geometries.flatMap(({ type, arcs }) => (type === "Polygon" ? [arcs] : arcs));
/** Rings go on over the date line instead of jumping around the world. */
const unrolled = (points) => {
  let turn = 0;
  const rolled = points.map(([longitude, latitude], at) => {
    const before = points[at - 1]?.[0] ?? longitude;
    turn += longitude - before > 180 ? -360 : longitude - before < -180 ? 360 : 0;
    return [longitude + turn, latitude];
  });
  const middle = rolled.reduce((sum, [longitude]) => sum + longitude, 0) / rolled.length;
  const shift = Math.round(middle / 360) * -360;
  return rolled.map(([longitude, latitude]) => [longitude + shift, latitude]);
};
const rings = polygons.flat().map(ring).map(unrolled);

// Antarctica, where no vendor has a region, would take a third of the map.
const shown = rings.filter((points) => points.some(([, latitude]) => latitude > -60));
const lines = shown.map((points) => {
  const rounded = points.map(([longitude, latitude]) => [Math.round(longitude * PER_DEGREE), Math.round(latitude * PER_DEGREE)]);
  const kept = rounded.filter((point, at) => at === 0 || point.join() !== rounded[at - 1].join());
  return kept.length < 3 ? null : `  "${kept.flat().join(" ")}",`;
});
const text = `// Made by scripts/land.mjs; not to be edited.
//
// The outline of the land without Antarctica, from Natural Earth (1:110m), which is in the public domain:
// rings of longitude and latitude in tenths of a degree, which go on beyond 180 over the date line.

export const LAND = [
${lines.filter(Boolean).join("\n")}
];
`;
writeFileSync(new URL("../src/pages/sites/land.ts", import.meta.url), text);
console.log(`${shown.length} rings, ${text.length} bytes`);
