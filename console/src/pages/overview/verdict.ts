// Is everything well? One sentence from what is known, and what to look at.

import type { Overview, Site } from "../../api/types";
import { bytes, counted } from "../../ui/format";
import { type Kind, sentence } from "../../ui/parts";
import { isOut } from "../../ui/sites";

export interface Verdict {
  kind: Kind;
  title: string;
  /** What follows from it, for whoever reads. */
  lines: string[];
}

export function verdict(sites: Site[], overview: Overview | undefined): Verdict {
  const used = sites.filter((site) => site.state !== "detached");
  const out = used.filter(isOut);
  const vendors = new Set(out.map((site) => site.vendor)).size;
  const lost = (overview?.promise ?? []).filter(({ spare, bytes }) => spare < 0 && bytes > 0);
  const bare = (overview?.promise ?? []).filter(({ spare, bytes }) => spare === 0 && bytes > 0);
  const below = overview?.below_promise ?? 0;
  const troubles = overview?.troubles ?? [];
  const refused = overview?.refused_writes ?? [];
  const lines: string[] = [];

  const total = (rows: typeof lost) => ({ objects: rows.reduce((all, row) => all + row.objects, 0), bytes: rows.reduce((all, row) => all + row.bytes, 0) });
  if (lost.length > 0) {
    const { objects, bytes: sum } = total(lost);
    lines.push(`${counted(objects, "object")} (${bytes(sum)}) cannot be read until a site that holds ${objects === 1 ? "its" : "their"} pieces is back.`);
  }
  if (bare.length > 0) {
    const { objects, bytes: sum } = total(bare);
    lines.push(`${counted(objects, "object")} (${bytes(sum)}) would be lost with one more vendor.`);
  }
  if (out.length > 0) {
    const reads = lost.length > 0 ? "Other reads" : "Reads";
    lines.push(refused.length > 0 ? `${reads} go around what is out.` : `${reads} go around what is out, and what is written now is brought there once it is back.`);
  }
  if (refused.length > 0) {
    lines.push(`Writes to buckets of the ${refused.length === 1 ? "profile" : "profiles"} ${listed(refused)} are refused: too few vendors take them. Nothing that was acknowledged is lost by it.`);
  }
  for (const { what, advice } of troubles) lines.push(`${sentence(what)} ${sentence(advice)}`);
  if (below > 0) lines.push(`${counted(below, "segment")} ${below === 1 ? "is" : "are"} below ${below === 1 ? "its" : "their"} promise and brought up as soon as sites allow.`);
  for (const site of used.filter((site) => site.state === "suspended")) lines.push(`${site.name} is suspended: nothing new is stored there.`);
  for (const site of used.filter((site) => site.state === "draining")) lines.push(`${site.name} is being left.`);

  if (used.length === 0) return { kind: "bad", title: "There are no sites", lines: ["Nothing can be stored before one is in the settings."] };
  if (out.length === used.length) return { kind: "bad", title: "No site is well", lines: ["Nothing can be written, and nothing read: look at this machine's own network first.", ...lines] };
  if (lost.length > 0) return { kind: "bad", title: "Some of what is stored cannot be read now", lines };
  if (out.length > 0) {
    const names = listed(out.map((site) => site.name));
    const kind = vendors >= 2 || bare.length > 0 || refused.length > 0 ? "bad" : "warn";
    return { kind, title: `Working without ${names}`, lines };
  }
  if (refused.length > 0) return { kind: "bad", title: "Some writes are refused", lines };
  if (troubles.length > 0) return { kind: "warn", title: "Something wants attention", lines };
  if (below > 0 || bare.length > 0) return { kind: "warn", title: "All sites are well; the promise is being restored", lines };
  const open = leftOpen(overview);
  if (open !== null) return { kind: "ok", title: "All sites are well", lines: [...lines, open] };
  if (lines.length > 0) return { kind: "ok", title: "All is well", lines };
  return { kind: "ok", title: "All is well", lines: [`All ${used.length} sites take reads and writes, and everything keeps its promise.`] };
}

/** What would have to be known beside the sites to say that all is well, and is not. */
function leftOpen(overview: Overview | undefined): string | null {
  if (overview === undefined) return "Whether everything keeps its promise is not known yet.";
  if (overview.below_promise !== null && overview.troubles !== null) return null;
  return "Whether everything keeps its promise, and how the machine is, is told to whoever sees all labels.";
}

function listed(names: string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
}
