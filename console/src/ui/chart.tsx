// Lines over time, drawn by uPlot: one axis of time, one of a quantity. What a chart shows is also said in words,
// for whoever does not see it.

import "uplot/dist/uPlot.min.css";

import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";

export interface Line {
  label: string;
  /** A variable of style.css, such as `--s1`. */
  color: string;
  values: (number | null)[];
  /** Under the line. */
  filled?: boolean;
  dashed?: boolean;
  /** Each value is drawn level: of what is only known to lie between bounds, a slope would say more than is known. */
  stepped?: boolean;
}

interface Props {
  /** What is shown, in words. */
  title: string;
  /** Seconds since 1970, one for each value. */
  times: number[];
  lines: Line[];
  format: (value: number) => string;
  height?: number;
  /** The axis reaches at least this high. */
  least?: number;
}

/** The axis of time is at least this long. */
const LEAST_S = 60;

export function Chart({ title, times, lines, format, height = 150, least }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  /** Which value is pointed at. */
  const [at, setAt] = useState<number | null>(null);
  const scheme = useComputedColorScheme();
  // uPlot is built anew where its form changes, and given new figures otherwise.
  const form = JSON.stringify([scheme, height, least, lines.map(({ label, color, filled, dashed, stepped }) => [label, color, filled, dashed, stepped])]);
  const data = [times, ...lines.map((line) => line.values)] as uPlot.AlignedData;
  const latest = useRef({ data, lines, format });
  latest.current = { data, lines, format };

  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const ink = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const { lines } = latest.current;
    const axis = { stroke: ink("--muted"), font: "11px system-ui, sans-serif", grid: { stroke: ink("--line"), width: 1 }, ticks: { show: false } };
    const made = new uPlot(
      {
        width: Math.max(120, place.clientWidth),
        height,
        // Times are told in UTC, as everywhere here.
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
        padding: [8, 26, 0, 0],
        cursor: { points: { size: 6 }, drag: { x: false, y: false } },
        legend: { show: false },
        hooks: { setCursor: [(made) => setAt(made.cursor.idx ?? null)] },
        scales: { x: { range: (made, low, high) => spanOf(low, high, made.data[0].length) }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max((high ?? 0) * 1.08, least ?? 0) || 1] } },
        axes: [
          { ...axis, size: 26, space: 72, values: (_, splits, _axis, _space, step) => splits.map((at) => clock(at, step < 60)) },
          { ...axis, size: 58, space: 32, values: (_, splits) => splits.map((value) => latest.current.format(value)) },
        ],
        series: [
          {},
          ...lines.map(({ color, filled, dashed, stepped }, line) => ({
            stroke: ink(color),
            width: 1.6,
            fill: filled ? `${ink(color)}22` : undefined,
            dash: dashed ? [5, 4] : undefined,
            paths: stepped ? uPlot.paths.stepped!({ align: -1 }) : undefined,
            // What has no neighbour makes no line: it is a point.
            points: { size: 5, fill: ink(color), filter: (made: uPlot) => alone(made.data[line + 1] ?? []) },
          })),
        ],
      },
      latest.current.data,
      place,
    );
    plot.current = made;
    const fit = new ResizeObserver(() => made.setSize({ width: Math.max(120, place.clientWidth), height }));
    fit.observe(place);
    return () => (fit.disconnect(), made.destroy(), void (plot.current = null));
  }, [form, height, least]);

  useEffect(() => {
    plot.current?.setData(latest.current.data);
  }, [times, lines]);

  const words = lines.map(({ label, values }) => `${label}: ${said(values, format)}`).join("; ");
  return (
    <figure className="chart">
      <figcaption className="chart-title">{title}</figcaption>
      <div ref={box} role="img" aria-label={`${title}. ${words}`} />
      <p className="legend num" aria-hidden="true">
        {lines.map(({ label, color, values }) => {
          const value = at === null ? values.findLast((value) => value != null) : values[at];
          return (
            <span key={label}>
              <span className="key" style={{ background: `var(${color})` }} /> {label} <strong>{value == null ? "–" : format(value)}</strong>
            </span>
          );
        })}
        <span className="muted">{at === null || times[at] === undefined ? "now" : `${clock(times[at])} UTC`}</span>
      </p>
    </figure>
  );
}

/** From when to when the axis goes. Of one value alone uPlot takes a whole day from then on: it is to be seen, at the end. */
export function spanOf(low: number, high: number, many: number): [number, number] {
  const end = many === 1 ? low : high;
  return [Math.min(low, end - LEAST_S), end];
}

/** Which values stand alone, with nothing known before and after them. */
export function alone(values: ArrayLike<number | null | undefined>): number[] {
  return Array.from(values, (value, at) => (value != null && values[at - 1] == null && values[at + 1] == null ? at : -1)).filter((at) => at >= 0);
}

function said(values: (number | null)[], format: (value: number) => string): string {
  const known = values.filter((value) => value != null);
  const last = known.at(-1);
  return last === undefined ? "nothing measured" : `${format(last)} last, ${format(Math.max(...known))} at most`;
}

function clock(at: number, seconds = false): string {
  return new Date(at * 1000).toISOString().slice(11, seconds ? 19 : 16);
}

/** Where the server counts how long something took: `model::timings` has the bounds. */
export const TIMES_ARE_COARSE = "As coarse as the bounds that times are counted between, 5, 10, 25, 50 and 100 ms among them.";

/** When each of so many values was measured, the last one at `until`. */
export function timesOf(until: string, stepS: number, many: number): number[] {
  const last = Math.floor(Date.parse(until) / 1000 / stepS) * stepS;
  return Array.from({ length: many }, (_, index) => last - (many - 1 - index) * stepS);
}

/** Fewer values, each of several: what the line would not show at this width is not drawn. */
export function thinned(values: (number | null)[], most: number, how: (values: number[]) => number): (number | null)[] {
  const per = Math.ceil(values.length / most);
  if (per <= 1) return values;
  const blocks = Math.ceil(values.length / per);
  // Counted from the end, so that the newest block is whole.
  const begin = values.length - blocks * per;
  return Array.from({ length: blocks }, (_, block) => {
    const from = begin + block * per;
    const known = values.slice(Math.max(0, from), from + per).filter((value) => value != null);
    return known.length > 0 ? how(known) : null;
  });
}

export const sum = (values: number[]): number => values.reduce((all, value) => all + value, 0);
export const mean = (values: number[]): number => sum(values) / values.length;
export const most = (values: number[]): number => Math.max(...values);
