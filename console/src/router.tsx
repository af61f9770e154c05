// The page's own addresses: the server answers each with the page, and this shows what stands there.

import { type AnchorHTMLAttributes, type MouseEvent, createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";
import type { ComponentType, LazyExoticComponent, ReactNode } from "react";

import type { Duty } from "./api/types";
import type { IconName } from "./ui/icons";

export type Params = Record<string, string>;

/** A view, and where it stands. */
export interface Route {
  /** `/buckets/:bucket`; a last `*` takes the rest of the path, slashes and all, as `params.rest`. */
  path: string;
  title: string;
  component: ComponentType<{ params: Params }> | LazyExoticComponent<ComponentType<{ params: Params }>>;
  /** Whoever has one of these may see it; everybody, without any. */
  duties?: Duty[];
  /** Where it stands in the navigation, if it does. */
  nav?: { group: string; label: string; icon: IconName };
}

interface Place {
  path: string;
  query: URLSearchParams;
  go: (to: string, how?: { replace?: boolean }) => void;
  /** Another look at the same page, in the address: `null` takes a part of the query out. */
  turn: (changes: Record<string, string | null>) => void;
}

const Context = createContext<Place | null>(null);

export function RouterProvider({ children }: { children: ReactNode }) {
  const [at, setAt] = useState(() => location.pathname + location.search);
  useEffect(() => {
    const moved = () => setAt(location.pathname + location.search);
    addEventListener("popstate", moved);
    return () => removeEventListener("popstate", moved);
  }, []);
  const go = useCallback((to: string, { replace = false } = {}) => {
    if (replace) history.replaceState(null, "", to);
    else history.pushState(null, "", to);
    setAt(location.pathname + location.search);
    if (!replace) scrollTo(0, 0);
  }, []);
  const place = useMemo(() => {
    const [path = "/", query = ""] = at.split("?");
    const turn = (changes: Record<string, string | null>) => go(turned(at, changes), { replace: true });
    return { path, query: new URLSearchParams(query), go, turn };
  }, [at, go]);
  return <Context.Provider value={place}>{children}</Context.Provider>;
}

/** The address with these parts of its query otherwise. */
export function turned(at: string, changes: Record<string, string | null>): string {
  const [path = "/", query = ""] = at.split("?");
  const asked = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) asked.delete(name);
    else asked.set(name, value);
  }
  return asked.size > 0 ? `${path}?${asked.toString()}` : path;
}

export function usePlace(): Place {
  const place = useContext(Context);
  if (!place) throw new Error("outside of RouterProvider");
  return place;
}

export function match(pattern: string, path: string): Params | null {
  const wanted = parts(pattern);
  const given = parts(path);
  const params: Params = {};
  for (const [index, part] of wanted.entries()) {
    if (part === "*") {
      params.rest = decoded(given.slice(index).join("/"));
      return params;
    }
    const value = given[index];
    if (value === undefined) return null;
    if (part.startsWith(":")) params[part.slice(1)] = decoded(value);
    else if (part !== value) return null;
  }
  return wanted.length === given.length ? params : null;
}

export function find(routes: Route[], path: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = match(route.path, path);
    if (params) return { route, params };
  }
  return null;
}

/** A link within the console; one opened in another tab asks for the key again, unless the tab keeps it. */
export function Link({ to, onClick, ...rest }: { to: string } & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href">) {
  const { go } = usePlace();
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain || rest.target) return;
    event.preventDefault();
    go(to);
  };
  return <a {...rest} href={to} onClick={follow} />;
}

/** The parts between the slashes, without a last empty one: `/sites/` is `/sites`. */
function parts(path: string): string[] {
  return path.replace(/^\/+|\/+$/g, "").split("/");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
