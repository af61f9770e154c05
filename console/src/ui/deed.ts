// What a form asks for: whether it is under way, and why it failed.

import { type FormEvent, useState } from "react";

import { type Problem, unanswered } from "../api/problem";

export interface Deed {
  busy: boolean;
  problem: Problem | null;
  /** Of the form. */
  submit: (event: FormEvent) => void;
  /** What went wrong before is said no more. */
  forgive: () => void;
}

export function useDeed(act: () => Promise<unknown>): Deed {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    act()
      .catch((error: unknown) => setProblem(unanswered(error)))
      .finally(() => setBusy(false));
  };
  return { busy, problem, submit, forgive: () => setProblem(null) };
}
