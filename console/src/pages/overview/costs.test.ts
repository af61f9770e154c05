import { expect, test } from "vitest";

import type { Site } from "../../api/types";
import { costs, summed } from "./costs";

const site = (name: string, vendor: string): Site => ({ name, vendor, region: "here", state: "active", reads: "well", writes: "well" });
const cost = (storage_dollars: number | null, request_dollars: number | null) => ({ storage_dollars, request_dollars });

test("a vendor costs what its sites cost together", () => {
  const listed = [site("east", "amazon"), site("berlin", "google"), site("west", "amazon")];
  const of = { sites: { berlin: cost(4, 1), east: cost(1, 2), west: cost(10, null) } };
  const rows = costs(of, listed);
  expect(rows.map(({ vendor, storage, requests, together }) => [vendor, storage, requests, together])).toEqual([
    ["google", 4, 1, 5],
    ["amazon", 11, 2, 13],
  ]);
  expect(rows[1]?.sites.map((row) => row.site)).toEqual(["east", "west"]);
  expect(summed(rows)).toEqual({ storage: 15, requests: 3, together: 18 });
});

test("what nobody knows is not nothing, and a site that is not listed has no vendor", () => {
  const rows = costs({ sites: { gone: cost(null, null), east: cost(null, 1) } }, [site("east", "amazon")]);
  expect(rows.map(({ vendor, storage, together }) => [vendor, storage, together])).toEqual([
    [undefined, null, null],
    ["amazon", null, 1],
  ]);
});
