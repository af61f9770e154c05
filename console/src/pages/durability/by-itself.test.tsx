import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";

import { Due, Swept } from "./by-itself";

const row = { bucket: "tea", label: "L", rule: "old", expired: 3000, removed: 2, aborted: 0 };

test("what a sweep would delete is told by site, and what waits beside it", () => {
  const told = renderToStaticMarkup(<Swept plan={{ sites: [{ site: "ours", pieces: 7 }], waiting: 5 }} />);
  expect(told).toContain("ours");
  expect(told).toContain("5 pieces more are named by no record, and their grace is not over.");
  const none = renderToStaticMarkup(<Swept plan={{ sites: [], waiting: 1 }} />);
  expect(none).toContain("No piece is to be deleted");
  expect(none).toContain("1 piece more is named by no record, and its grace is not over.");
  expect(renderToStaticMarkup(<Swept plan={{ sites: [], waiting: 0 }} />)).not.toContain("grace");
});

test("what rules make due is counted by bucket and rule, and whether there is more", () => {
  const told = renderToStaticMarkup(<Due plan={{ rows: [row], more: true }} />);
  for (const word of ["tea", "old", "3,000", "There may be more"]) expect(told).toContain(word);
  const none = renderToStaticMarkup(<Due plan={{ rows: [], more: false }} />);
  expect(none).toContain("No rule makes anything due");
  expect(none).not.toContain("There may be more");
});
