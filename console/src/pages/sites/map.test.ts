import { expect, test } from "vitest";

import type { Site } from "../../api/types";
import { place, project } from "./map";

const site = (name: string, latitude: number | null, longitude: number | null): Site => ({ name, vendor: "own", region: "here", state: "active", latitude, longitude });

test("places lie where they belong, and what is west of the edge comes in at the east", () => {
  const [london, tokyo, fiji, samoa] = [project(51.5, 0), project(35.7, 139.7), project(-17.7, 178), project(-13.8, -172)];
  expect(london.x).toBeLessThan(tokyo.x);
  expect(london.y).toBeLessThan(tokyo.y);
  expect(samoa.x).toBeGreaterThan(fiji.x);
});

test("no name covers another, or another's point, and what has no place has none", () => {
  const placed = place([site("frankfurt", 50.1, 8.7), site("belgium", 50.4, 3.8), site("paris", 48.9, 2.4), site("nowhere", null, null)]);
  expect(placed.map(({ site }) => site.name)).toEqual(["frankfurt", "belgium", "paris"]);
  const spans = placed.map(({ site, label }) => {
    const length = site.name.length * 2.3;
    const left = label.anchor === "start" ? label.x : label.x - length;
    return { left, right: left + length, y: label.y };
  });
  for (const [index, one] of spans.entries()) {
    for (const other of spans.slice(index + 1)) {
      expect(one.right < other.left || one.left > other.right || Math.abs(one.y - other.y) >= 5).toBe(true);
    }
  }
});
