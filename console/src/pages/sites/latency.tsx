// How long sites take, and how often they fail, over time.

import { useMemo } from "react";

import type { History, Site } from "../../api/types";
import { Chart, type Line, TIMES_ARE_COARSE, mean, most, sum, thinned, timesOf } from "../../ui/chart";
import { count, millis } from "../../ui/format";
import { Empty, Panel } from "../../ui/parts";
import { lineColor } from "../../ui/sites";

/** Points of a line: more are not seen at the width it is drawn in. */
const POINTS = 180;

/** Of all sites, a line each; or of one, in more detail. */
export function SiteLatency({ history, sites, words, only, seesAll }: { history: History; sites: Site[]; words: string; only?: string; seesAll: boolean }) {
  const drawn = useMemo(() => {
    const shown = sites.map(({ name }, index) => ({ name, color: lineColor(index), past: history.sites[name] })).filter(({ name, past }) => past && (only === undefined || name === only));
    const longest = Math.max(0, ...shown.map(({ past }) => past?.p50_ms?.length ?? 0));
    const measured = shown.some(({ past }) => [past?.p50_ms, past?.requests].some((values) => values?.some((value) => value != null)));
    if (longest === 0 || !measured) return null;
    const per = Math.max(1, Math.ceil(longest / POINTS));
    const line = (pick: "p50_ms" | "p99_ms" | "errors" | "requests", how: (values: number[]) => number, label: (name: string) => string): Line[] =>
      shown.flatMap(({ name, color, past }) => (past?.[pick] ? [{ label: label(name), color, values: thinned(past[pick], POINTS, how), stepped: pick !== "requests" && pick !== "errors" }] : []));
    const half = line("p50_ms", mean, only ? () => "half within" : (name) => name);
    const slow = line("p99_ms", most, () => "99 of 100 within").map((line) => ({ ...line, color: "--s2" }));
    return {
      times: timesOf(history.until, history.step_s * per, Math.ceil(longest / per)),
      latency: only ? [...half.map((line) => ({ ...line, color: "--s1" })), ...slow] : half,
      requests: line("requests", sum, (name) => name).map((line) => ({ ...line, label: "requests", color: "--s1", filled: true })),
      errors: line("errors", sum, (name) => (only ? "errors" : name)).map((line) => (only ? { ...line, color: "--bad", filled: true } : line)),
      step: history.step_s * per,
    };
  }, [history, sites, only]);
  if (!drawn) {
    return (
      <Panel title="Latency">
        <Empty title={seesAll ? "Nothing was measured yet" : "Not told at this label"}>
          {seesAll
            ? "Sites are asked for something all the time, if only by probes: the first figures come some seconds after the start."
            : "Figures of sites are of all labels together, and are told to whoever sees all of them."}
        </Empty>
      </Panel>
    );
  }
  const every = drawn.step >= 120 ? `${Math.round(drawn.step / 60)} min` : `${drawn.step} s`;
  return (
    <div className={only ? "panels three" : "panels"}>
      <Panel title="Latency" aside={only ? `of its requests, ${words}` : `half of the requests answered within, ${words}`}>
        <Chart title="Latency of sites" times={drawn.times} lines={drawn.latency} format={millis} least={10} height={190} />
        <p className="muted small">{TIMES_ARE_COARSE}</p>
      </Panel>
      {drawn.errors.length > 0 && (
        <Panel title="Errors" aside={`every ${every}`}>
          <Chart title="Errors of sites" times={drawn.times} lines={drawn.errors} format={whole} least={4} height={190} />
        </Panel>
      )}
      {only && drawn.requests.length > 0 && (
        <Panel title="Requests" aside={`every ${every}`}>
          <Chart title="Requests to the site" times={drawn.times} lines={drawn.requests} format={whole} least={4} height={190} />
        </Panel>
      )}
    </div>
  );
}

function whole(value: number): string {
  return count(Math.round(value));
}
