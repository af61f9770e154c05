// Vendors and sites: what each view is, and where it stands.

import { lazy } from "react";

import type { Route } from "../../router";

export const routes: Route[] = [
  {
    path: "/sites",
    title: "Vendors and sites",
    component: lazy(() => import("./index.tsx")),
    duties: ["SeeStatus"],
    nav: { group: "System", label: "Vendors and sites", icon: "sites" },
  },
  { path: "/sites/add", title: "Add a site", component: lazy(() => import("./add.tsx")), duties: ["SeeStatus"] },
  { path: "/sites/:site", title: "Site", component: lazy(() => import("./site.tsx")), duties: ["SeeStatus"] },
];
