// Documents of the API that keep themselves up to date: by events where the server sends them, by asking again
// where it does not.

import { type ReactNode, createContext, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";

import { useSession } from "../session";
import { type Query, goesOn } from "./client";
import { type StreamState, follow } from "./events";
import { type Problem, isAbort, unanswered } from "./problem";

/** How often a live page asks while no events come: a site torn away is to be seen within five seconds. */
const POLL_MS = 3_000;

type Listener = (document: unknown) => void;

interface Live {
  state: StreamState;
  /** Since when nothing answers; `null` while the server does. */
  silent: number | null;
  on: (event: string, listener: Listener) => () => void;
}

const Context = createContext<Live | null>(null);

export function LiveProvider({ children }: { children: ReactNode }) {
  const { api, may } = useSession();
  const [state, setState] = useState<StreamState>("connecting");
  const listeners = useRef(new Map<string, Set<Listener>>());
  const wanted = may("SeeStatus");
  const [silent, setSilent] = useState<number | null>(null);

  useEffect(() => {
    api.onReach = (answers) => setSilent((since) => (answers ? null : (since ?? Date.now())));
    return () => void (api.onReach = undefined);
  }, [api]);

  useEffect(() => {
    if (!wanted) return setState("polling");
    const stop = new AbortController();
    const tell = ({ event, data }: { event: string; data: string }) => {
      try {
        const document: unknown = JSON.parse(data);
        listeners.current.get(event)?.forEach((listener) => listener(document));
      } catch {
        // An event of a newer server: the page asks by itself when it is next opened.
      }
    };
    void follow(api, stop.signal, tell, setState);
    return () => stop.abort();
  }, [api, wanted]);

  const on = useCallback((event: string, listener: Listener) => {
    const set = listeners.current.get(event) ?? new Set();
    listeners.current.set(event, set.add(listener));
    return () => void set.delete(listener);
  }, []);

  const live = useMemo(() => ({ state, silent, on }), [state, silent, on]);
  return <Context value={live}>{children}</Context>;
}

export function useLive(): Live {
  const live = useContext(Context);
  if (!live) throw new Error("outside of LiveProvider");
  return live;
}

export interface Loaded<T> {
  /** The newest that came, also while another is asked for or after an error. */
  data?: T;
  /** Of the last attempt. */
  error?: Problem;
  /** When `data` came, by this clock. */
  at?: number;
  /** Whether it is a list that goes on beyond what was read of it. */
  cut?: boolean;
  refresh: () => Promise<void>;
}

/** The document at `path`, with all pages of one that is a list; `null` asks for nothing. */
export function useDocument<T>(
  path: string | null,
  { query, every, event }: { query?: Query; /** Seconds between two askings. */ every?: number; /** By which the server sends it. */ event?: string } = {},
): Loaded<T> {
  const { api } = useSession();
  const { state, on } = useLive();
  const name = path === null ? null : `${path}?${JSON.stringify(query ?? {})}`;
  const [loaded, setLoaded] = useState<{ name: string | null; data?: T; error?: Problem; at?: number }>({ name });

  const ask = useCallback(
    async (signal?: AbortSignal) => {
      if (path === null) return;
      try {
        const data = await api.whole<T>(path, query, signal);
        if (!signal?.aborted) setLoaded({ name, data, at: Date.now() });
      } catch (error) {
        if (isAbort(error) || signal?.aborted) return;
        setLoaded((before) => ({ ...(before.name === name ? before : { name }), error: unanswered(error) }));
      }
    },
    // The query is part of the name.
    [api, name],
  );

  const seconds = event !== undefined && state !== "live" ? Math.min(every ?? Infinity, POLL_MS / 1000) : every;
  useEffect(() => {
    if (name === null) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const round = async () => {
      // A tab nobody looks at asks nothing.
      if (document.visibilityState === "visible") await ask(stop.signal);
      if (seconds !== undefined && !stop.signal.aborted) timer = setTimeout(round, seconds * 1000);
    };
    void ask(stop.signal).then(() => {
      if (seconds !== undefined && !stop.signal.aborted) timer = setTimeout(round, seconds * 1000);
    });
    const seen = () => document.visibilityState === "visible" && seconds !== undefined && void ask(stop.signal);
    document.addEventListener("visibilitychange", seen);
    return () => (stop.abort(), clearTimeout(timer), document.removeEventListener("visibilitychange", seen));
  }, [ask, name, seconds]);

  useEffect(() => {
    if (event === undefined) return;
    return on(event, (data) => setLoaded({ name, data: data as T, at: Date.now() }));
  }, [event, on, name]);

  const { data, error, at } = loaded.name === name ? loaded : ({} as typeof loaded);
  const cut = typeof data === "object" && data !== null && goesOn(data);
  return { data, error, at, cut, refresh: useCallback(() => ask(), [ask]) };
}
