// What loss an object survives, read from where its pieces lie.

export type Piece = { index: number; site: string; vendor?: string; data: boolean; proven: string | null; /** `well`, or `out` while its site does not answer. */ state: string };

export type Segment = {
  segment: string;
  k: number;
  m: number;
  offset: number;
  length: number;
  bytes: number;
  promise: number;
  pieces: Piece[];
};

/** A piece counts while its site answers. */
export function counts(piece: Piece): boolean {
  return piece.state === "well";
}

/** So many vendors may vanish, whichever they are, and every segment can still be read; -1 if one cannot be now. */
export function survives(segments: readonly Segment[], vendorOf: (site: string) => string): number | null {
  if (segments.length === 0) return null;
  return Math.min(...segments.map((segment) => survivesOf(segment, vendorOf)));
}

function survivesOf(segment: Segment, vendorOf: (site: string) => string): number {
  // A code of k counts distinct pieces: two copies of one are one.
  const held = new Map<string, Set<number>>();
  for (const piece of segment.pieces.filter(counts)) {
    const vendor = vendorOf(piece.site);
    held.set(vendor, (held.get(vendor) ?? new Set()).add(piece.index));
  }
  const vendors = [...held.keys()];
  // There are few vendors; all sets of them are tried, the smallest first.
  for (let lost = 0; lost <= vendors.length; lost += 1) {
    for (const gone of choices(vendors, lost)) {
      const left = new Set<number>();
      for (const [vendor, indices] of held) if (!gone.includes(vendor)) indices.forEach((index) => left.add(index));
      if (left.size < segment.k) return lost - 1;
    }
  }
  return vendors.length;
}

/** All choices of so many out of these. */
export function choices<T>(of: readonly T[], many: number): T[][] {
  if (many === 0) return [[]];
  return of.flatMap((one, index) => choices(of.slice(index + 1), many - 1).map((rest) => [one, ...rest]));
}

/** Whether it could still be read with these vendors gone. */
export function readableWithout(
  segments: readonly Segment[],
  gone: ReadonlySet<string>,
  vendorOf: (site: string) => string,
): boolean {
  return segments.every((segment) => {
    const left = segment.pieces.filter((piece) => counts(piece) && !gone.has(vendorOf(piece.site)));
    return new Set(left.map((piece) => piece.index)).size >= segment.k;
  });
}

/** Bytes that its pieces take, and how many of those lie at sites that do not answer now. */
export function taken(segments: readonly Segment[]): { all: number; silent: number } {
  const each = segments.map(({ bytes, k, pieces }) => ({ piece: bytes / k, all: pieces.length, silent: pieces.filter((piece) => !counts(piece)).length }));
  return { all: each.reduce((sum, one) => sum + one.piece * one.all, 0), silent: each.reduce((sum, one) => sum + one.piece * one.silent, 0) };
}

const WORDS = ["no vendor", "any one vendor", "any two vendors", "any three vendors", "any four vendors"];

/** The sentence for a person; `out` are sites that do not answer now. */
export function sentence(count: number | null, out: readonly string[] = []): string {
  if (count === null) return "It has no bytes, so there is nothing to lose.";
  if (count < 0) return `It cannot be read now: too few of its pieces can be reached while ${out.join(" and ")} ${out.length === 1 ? "does" : "do"} not answer.`;
  const now = out.length > 0 ? ` while ${out.join(" and ")} ${out.length === 1 ? "does" : "do"} not answer` : "";
  if (count === 0) return `It survives the loss of no further vendor${now}.`;
  return `It survives the loss of ${WORDS[count] ?? `any ${count} vendors`}${now}.`;
}
