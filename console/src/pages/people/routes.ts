// Levels and people: what each view is, and where it stands.

import { lazy } from "react";

import type { Route } from "../../router";

export const routes: Route[] = [
  { path: "/people", title: "People", component: lazy(() => import("./People").then((it) => ({ default: it.People }))), duties: ["SeePeople"], nav: { group: "Levels and people", label: "People", icon: "people" } },
  { path: "/keys", title: "Keys", component: lazy(() => import("./KeysPage").then((it) => ({ default: it.KeysPage }))), duties: ["SeePeople"], nav: { group: "Levels and people", label: "Keys", icon: "keys" } },
  { path: "/labels", title: "Labels", component: lazy(() => import("./LabelsPage").then((it) => ({ default: it.LabelsPage }))), duties: ["SeeLabels"], nav: { group: "Levels and people", label: "Labels", icon: "labels" } },
  { path: "/releases", title: "Releases", component: lazy(() => import("./ReleasesPage").then((it) => ({ default: it.ReleasesPage }))), duties: ["SeeReleases"], nav: { group: "Levels and people", label: "Releases", icon: "releases" } },
  { path: "/releases/:id", title: "Release", component: lazy(() => import("./ReleasesPage").then((it) => ({ default: it.ReleasePage }))), duties: ["SeeReleases"] },
  { path: "/roles", title: "Who may do what", component: lazy(() => import("./RolesPage").then((it) => ({ default: it.RolesPage }))), nav: { group: "Levels and people", label: "Who may do what", icon: "matrix" } },
  { path: "/explain", title: "Explain", component: lazy(() => import("./ExplainPage").then((it) => ({ default: it.ExplainPage }))), duties: ["ExplainOwn", "ExplainAny"], nav: { group: "Levels and people", label: "Explain", icon: "explain" } },
  { path: "/own-key", title: "Your key", component: lazy(() => import("./OwnKey").then((it) => ({ default: it.OwnKey }))), duties: ["RotateOwnKey"], nav: { group: "Levels and people", label: "Your key", icon: "keys" } },
];
