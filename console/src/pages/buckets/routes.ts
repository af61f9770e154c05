// Buckets and objects: what each view is, and where it stands. Data is a mission owner's alone, as the role matrix
// says; who may ask for a release is the duty that tells one.

import { lazy } from "react";

import type { Duty } from "../../api/types";
import type { Route } from "../../router";

const DATA: Duty[] = ["AskRelease"];

export const routes: Route[] = [
  { path: "/buckets", title: "Buckets", component: lazy(() => import("./List").then((it) => ({ default: it.BucketList }))), duties: [...DATA, "SeeStatus"], nav: { group: "Data", label: "Buckets", icon: "buckets" } },
  { path: "/adoptions", title: "Moving in", component: lazy(() => import("./Adoptions").then((it) => ({ default: it.Adoptions }))), duties: ["Adopt"], nav: { group: "Data", label: "Moving in", icon: "download" } },
  { path: "/buckets/:bucket", title: "Objects", component: lazy(() => import("./Objects").then((it) => ({ default: it.Objects }))), duties: DATA },
  { path: "/buckets/:bucket/object", title: "Object", component: lazy(() => import("./ObjectPage").then((it) => ({ default: it.ObjectPage }))), duties: DATA },
  { path: "/buckets/:bucket/uploads", title: "Unfinished uploads", component: lazy(() => import("./Unfinished").then((it) => ({ default: it.Unfinished }))), duties: DATA },
  { path: "/buckets/:bucket/rules", title: "Versions and rules", component: lazy(() => import("./RulesPage").then((it) => ({ default: it.RulesPage }))), duties: DATA },
  { path: "/buckets/:bucket/access", title: "Access", component: lazy(() => import("./AccessPage").then((it) => ({ default: it.AccessPage }))), duties: ["Grant"] },
  { path: "/buckets/:bucket/placement", title: "Placement", component: lazy(() => import("./Placement").then((it) => ({ default: it.Placement }))), duties: [...DATA, "Keep"] },
];
