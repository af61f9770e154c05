// What was measured over the last minutes or hours, of the door and of each site.

import { SegmentedControl } from "@mantine/core";

import { type Loaded, useDocument } from "../api/documents";
import type { History } from "../api/types";
import { usePlace } from "../router";

const SPANS = [
  { value: "15", label: "15 min", words: "the last 15 minutes" },
  { value: "60", label: "1 h", words: "the last hour" },
  { value: "360", label: "6 h", words: "the last 6 hours" },
] as const;

export interface Span {
  minutes: number;
  words: string;
  /** Where it is chosen. */
  choice: React.ReactNode;
}

export function useSpan(): Span {
  const { query, turn } = usePlace();
  const usual = SPANS[1];
  const span = SPANS.find(({ value }) => value === query.get("span")) ?? usual;
  const { value } = span;
  const choose = (value: string) => turn({ span: value === usual.value ? null : value });
  const choice = <SegmentedControl size="xs" value={value} onChange={choose} data={SPANS.map(({ value, label }) => ({ value, label }))} aria-label="How far back" />;
  return { minutes: Number(value), words: span.words, choice };
}

export function useHistory({ minutes }: Span): Loaded<History> {
  return useDocument<History>("/history", { query: { minutes }, every: 10 });
}

/** How many steps a span has, whether or not that much was measured. */
export function stepsOf({ minutes }: Span, { step_s: step }: History): number {
  return Math.ceil((minutes * 60) / step);
}
