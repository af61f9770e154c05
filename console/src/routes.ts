// Every view of the console. A folder of pages tells its own; the order here is that of the navigation.

import { lazy } from "react";

import { routes as buckets } from "./pages/buckets/routes";
import { routes as people } from "./pages/people/routes";
import { routes as sites } from "./pages/sites/routes";
import type { Route } from "./router";

export const routes: Route[] = [
  {
    path: "/",
    title: "Overview",
    component: lazy(() => import("./pages/overview/index.tsx")),
    duties: ["SeeStatus"],
    nav: { group: "System", label: "Overview", icon: "overview" },
  },
  ...sites,
  {
    path: "/durability",
    title: "Durability",
    component: lazy(() => import("./pages/durability/index.tsx")),
    duties: ["SeeStatus"],
    nav: { group: "System", label: "Durability", icon: "durability" },
  },
  ...buckets,
  ...people,
];

/** Where a session begins: the first view it may see. */
export function first(allowed: (route: Route) => boolean): string {
  return routes.find((route) => route.nav && allowed(route))?.path ?? "/";
}
