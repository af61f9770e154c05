// What clients ask of the S3 door, and what they get.

import { useMemo } from "react";

import type { History } from "../../api/types";
import { Chart, TIMES_ARE_COARSE, mean, most, sum, thinned, timesOf } from "../../ui/chart";
import { millis } from "../../ui/format";
import { Empty, Panel } from "../../ui/parts";

/** Points of a line: more are not seen at the width it is drawn in. */
const POINTS = 180;

export function Door({ history, seesAll }: { history: History; seesAll: boolean }) {
  const { door, step_s: step, until } = history;
  const drawn = useMemo(() => {
    if (!door?.requests?.length) return null;
    const per = (values: (number | null)[] = []) => Math.ceil(values.length / POINTS);
    const rate = (values: (number | null)[] = []) => thinned(values, POINTS, mean).map((value) => (value == null ? null : value / step));
    const length = thinned(door.requests ?? [], POINTS, sum).length;
    return {
      times: timesOf(until, step * Math.max(1, per(door.requests)), length),
      requests: [{ label: "requests", color: "--s1", values: rate(door.requests), filled: true }],
      errors: [{ label: "errors", color: "--bad", values: rate(door.errors), filled: true }],
      latency: [
        { label: "half within", color: "--s1", values: thinned(door.p50_ms ?? [], POINTS, mean), stepped: true },
        { label: "99 of 100 within", color: "--s2", values: thinned(door.p99_ms ?? [], POINTS, most), stepped: true },
      ],
    };
  }, [door, step, until]);
  if (!drawn) {
    return (
      <Panel title="Requests" wide>
        <Empty title={seesAll ? "Nothing was measured yet" : "Not told at this label"}>
          {seesAll ? "The first figures come some seconds after the start." : "Figures of the door are of all labels together, and are told to whoever sees all of them."}
        </Empty>
      </Panel>
    );
  }
  return (
    <div className="panels three wide">
      <Panel title="Requests" aside="at the S3 door, each second">
        <Chart title="Requests each second" times={drawn.times} lines={drawn.requests} format={rateText} least={1} />
      </Panel>
      <Panel title="Latency" aside="to the last byte of the answer">
        <Chart title="Latency" times={drawn.times} lines={drawn.latency} format={millis} least={10} />
        <p className="muted small">{TIMES_ARE_COARSE}</p>
      </Panel>
      <Panel title="Errors" aside="of the server's own, each second">
        <Chart title="Errors each second" times={drawn.times} lines={drawn.errors} format={rateText} least={1} />
      </Panel>
    </div>
  );
}

function rateText(value: number): string {
  return `${value >= 99.5 ? Math.round(value) : value >= 10 ? value.toFixed(0) : value.toFixed(value === 0 ? 0 : 1)}/s`;
}
