import { useCallback, useEffect, useRef, useState } from "react";

import type { Loaded } from "../../api/documents";
import { type Problem, isAbort, unanswered } from "../../api/problem";

/** What a function brings, anew whenever its name changes; `null` asks for nothing. The last one stays meanwhile under its own name only. */
export function useLoaded<T>(name: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [loaded, setLoaded] = useState<{ name: string | null; data?: T; error?: Problem; at?: number }>({ name });
  const latest = useRef(load);
  latest.current = load;

  const ask = useCallback(
    async (signal: AbortSignal) => {
      if (name === null) return;
      try {
        const data = await latest.current(signal);
        if (!signal.aborted) setLoaded({ name, data, at: Date.now() });
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        setLoaded((before) => ({ ...(before.name === name ? before : { name }), error: unanswered(error) }));
      }
    },
    [name],
  );

  useEffect(() => {
    const stop = new AbortController();
    void ask(stop.signal);
    return () => stop.abort();
  }, [ask]);

  const { data, error, at } = loaded.name === name ? loaded : ({} as typeof loaded);
  return { data, error, at, refresh: useCallback(() => ask(new AbortController().signal), [ask]) };
}
