// What a browser fetches before the first page shows, compressed: fails the build if it is too much.

import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** The console is opened over thin links too. */
const MOST_BYTES = 500_000;

const dist = new URL("../dist", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));

const wanted = new Set(["index.html"]);
const visit = (name) => {
  const chunk = manifest[name];
  if (!chunk || wanted.has(chunk.file)) return;
  wanted.add(chunk.file);
  for (const file of [...(chunk.css ?? []), ...(chunk.assets ?? [])]) wanted.add(file);
  for (const other of chunk.imports ?? []) visit(other);
};
visit("index.html");
// The first page itself is loaded on demand, and counts too.
visit("src/pages/overview/index.tsx");

let sum = 0;
for (const file of wanted) {
  const path = join(dist, file);
  sum += statSync(existsSync(`${path}.gz`) ? `${path}.gz` : path).size;
}
rmSync(join(dist, ".vite"), { recursive: true });
console.log(`first load: ${wanted.size} files, ${(sum / 1000).toFixed(0)} kB with gzip; at most ${MOST_BYTES / 1000} kB`);
if (sum > MOST_BYTES) {
  console.error("the first load is too large: load what the first page does not need on demand");
  process.exit(1);
}
