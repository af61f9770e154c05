// What an evacuation changes and costs, in words.

import type { Shift } from "../../api/types";
import { bytes, counted, dollars } from "../../ui/format";

export interface Told {
  text: string;
  /** Whether it can lose fewer vendors than now. */
  fewer: boolean;
}

/** How segments lie now and will lie, and what they can lose then. */
export function shiftInWords(shift: Shift): Told {
  const { segments, bytes: size, from, to, can_lose_now: now, can_lose_then: then } = shift;
  const one = segments === 1;
  const what = `${counted(segments, "segment")} (${bytes(size)})`;
  const loss = lossInWords(now, then, one ? "it" : "they");
  const text =
    from === to
      ? `${what} ${one ? "stays" : "stay"} ${codeInWords(from)} and ${loss}`
      : `${what} that ${one ? "lies" : "lie"} as ${codeInWords(from)} will lie as ${codeInWords(to)}; ${one ? "it" : "they"} ${loss}`;
  return { text, fewer: then < now };
}

/** One piece that is enough by itself, and others like it, are copies. */
function codeInWords(code: string): string {
  const copies = /^1\+(\d+)$/.exec(code);
  return copies ? counted(Number(copies[1]) + 1, "copy", "copies") : code;
}

function lossInWords(now: number, then: number, they: string): string {
  // Below none, too few pieces are even on record.
  if (then < 0) return now < 0 ? "cannot be read then as now: too few pieces are on record" : `cannot be read then: too few pieces are left on record; now ${they} ${canLose(now)}`;
  if (now < 0) return `${canLose(then)}; now too few pieces are on record`;
  if (then === now) return `${canLose(then)}, as now`;
  return `${canLose(then)}, ${then < now ? `${now - then} fewer` : `${then - now} more`} than now`;
}

function canLose(spare: number): string {
  return spare === 0 ? "can lose no more vendor" : `can lose ${counted(spare, "more vendor")}`;
}

/** What it would cost to copy what is computed and compute what is copied, where that is dearer than what is done. */
export function otherWay(cost: number | undefined, dearer: number | undefined): { facts: [string, string][]; why: string | null } {
  const [is, would] = [dollars(cost), dollars(dearer)];
  if (cost === undefined || dearer === undefined || dearer <= cost || is === would) return { facts: [], why: null };
  return { facts: [["The other way would cost", would]], why: "A piece can be copied from where it lies, or computed from the others of its segment: the cheaper way is taken." };
}
