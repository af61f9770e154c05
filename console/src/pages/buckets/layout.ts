// How a file is cut for an upload. It follows from the file's size alone, so that whoever goes on with an upload,
// after a reload or on another machine, cuts it the same way.

export const MIB = 1 << 20;

/** Up to this size a file goes in one request. */
export const WHOLE_MAX = 16 * MIB;

/** The least size of a part, and the most parts, of one upload. */
const PART_BYTES = 16 * MIB;
const PARTS_MAX = 10_000;

/** The largest object: so many parts of the largest size that one request takes. */
export const BYTES_MAX = PARTS_MAX * 5 * 1024 * MIB;

export type Cut = { number: number; start: number; end: number };

export function partBytes(size: number): number {
  return Math.max(PART_BYTES, Math.ceil(size / PARTS_MAX / MIB) * MIB);
}

/** The parts of a file, numbered from one; none for one that goes whole. */
export function cuts(size: number): Cut[] {
  if (size <= WHOLE_MAX) return [];
  const each = partBytes(size);
  return Array.from({ length: Math.ceil(size / each) }, (_, index) => ({
    number: index + 1,
    start: index * each,
    end: Math.min(size, (index + 1) * each),
  }));
}
