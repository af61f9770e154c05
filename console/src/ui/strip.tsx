// A site's health over time as a row of marks: low and green while all was well, high and red while it was out.

import { percent } from "./format";
import { most, thinned } from "./chart";

const MARKS = 90;

export interface Outage {
  /** Part of each step that reads, or writes, were out: 0 to 1; `null` where nobody looked. */
  reads: (number | null)[];
  writes: (number | null)[];
}

export function Strip({ name, of: { reads, writes }, out = false, steps, span }: { name: string; of: Outage; /** Whether it is out now. */ out?: boolean; /** Of the whole span: what is before the first was not looked at. */ steps: number; /** How long it is, in words. */ span: string }) {
  const before = Array.from({ length: Math.max(0, steps - reads.length) }, () => null);
  const worst = thinned(
    [...before, ...reads.map((value, index) => (value == null && writes[index] == null ? null : Math.max(value ?? 0, writes[index] ?? 0)))],
    MARKS,
    most,
  );
  return (
    <svg className="strip" viewBox={`0 0 ${worst.length * 4} 20`} preserveAspectRatio="none" role="img" aria-label={`${name} over ${span}: ${inWords({ reads, writes }, out)}`}>
      {worst.map((out, index) => {
        const height = out == null ? 2 : out === 0 ? 9 : 20;
        return <rect key={index} className={out == null ? "unknown" : out === 0 ? "well" : out < 1 ? "partly" : "gone"} x={index * 4} y={20 - height} width={3} height={height} />;
      })}
    </svg>
  );
}

/** The last step may have been over before what is out `now` was. */
export function inWords({ reads, writes }: Outage, now = false): string {
  const part = (values: (number | null)[]) => {
    const known = values.filter((value) => value != null);
    return known.length === 0 ? null : known.reduce((all, value) => all + value, 0) / known.length;
  };
  const [read, written] = [part(reads), part(writes)];
  if (read === null || written === null) return now ? "out since just now" : "not looked at";
  if (read === 0 && written === 0) return now ? "well until just now" : "well all the time";
  return `reads out for ${percent(read)} of it, writes for ${percent(written)}`;
}
