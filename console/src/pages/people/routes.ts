// Levels and people: what each view is, and where it stands.

import type { Route } from "../../router";

export const routes: Route[] = [];
