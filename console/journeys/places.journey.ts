// Sites that are somewhere and cost something: the map, what a month costs, and a site's list prices.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "playwright-core";

import { axe, launch, open, overflow, shot, signIn } from "./browser";
import { type IssuedKey, World, content } from "./world";

const PHONE = { width: 390, height: 844 };
/** Where each is, and what a GB costs there for a month. */
const SITES = {
  amazon: { vendor: "amazon", coordinates: [38.9, -77.0], storage: 0.023 },
  microsoft: { vendor: "microsoft", coordinates: [52.4, 4.9], storage: 0.018 },
  google: { vendor: "google", coordinates: [35.7, 139.7], storage: 0.02 },
  oracle: { vendor: "oracle", coordinates: [-23.5, -46.6], storage: 0.0255 },
  // A second site of a vendor.
  sydney: { vendor: "google", coordinates: [-33.9, 151.2], storage: 0.02 },
};
const PRICES = "put_per_1000 = 0.005, get_per_1000 = 0.0004, egress_per_gb = 0.09";

let world: World;
let browser: Browser;
let operator: IssuedKey;
const root = mkdtempSync(join(tmpdir(), "entente-places-"));
beforeAll(async () => {
  const tables = Object.entries(SITES).map(([name, { vendor, coordinates, storage }]) => {
    mkdirSync(join(root, name));
    return `[[site]]\nname = "${name}"\nvendor = "${vendor}"\nkind = "local"\npath = "${join(root, name)}"\ncoordinates = [${coordinates.join(", ")}]\nprices = { storage_per_gb_month = ${storage}, ${PRICES} }\n`;
  });
  [world, browser] = await Promise.all([World.start({ vendors: tables.join("\n") }), launch()]);
  operator = await world.person("pat", "platform-operator", "UNCLASSIFIED");
  const s3 = await world.s3(await world.person("ana", "mission-owner", "UNCLASSIFIED"));
  await s3.request({ method: "PUT", bucket: "photos" });
  await s3.request({ method: "PUT", bucket: "photos", key: "sea.jpg", body: content(1, 3_000_000) });
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
  rmSync(root, { recursive: true, force: true });
});

test("sites stand on the map, a month has its costs, and a site its prices, in both themes and on a phone", async () => {
  const { page, faults } = await open(browser, world.url);
  await signIn(page, operator, { keep: true });
  const look = async (name: string) => {
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.waitForTimeout(400);
      expect(await axe(page), `${name} in ${scheme}`).toEqual([]);
      await shot(page, `places-${name}-${scheme}`);
    }
    await page.setViewportSize(PHONE);
    await page.waitForTimeout(300);
    expect(await overflow(page), `${name} on a phone`).toBe(0);
    await shot(page, `places-${name}-phone`);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: "light" });
  };

  await page.goto(`${world.url}/sites`);
  const map = page.getByRole("region", { name: "Where they are" });
  for (const name of Object.keys(SITES)) await map.locator("text", { hasText: name }).waitFor();
  expect(await map.getByText("Not on the map").count()).toBe(0);
  await page.getByRole("row", { name: /oracle.*\$0\.0255/ }).waitFor();
  await page.getByRole("img", { name: /^Latency of sites\. amazon: [\d.]+ m?s/ }).waitFor();
  await look("sites");

  await page.goto(`${world.url}/sites/google`);
  const prices = page.getByRole("table", { name: "List prices of google" });
  await prices.getByRole("row", { name: /Storage.*\$0\.02$/ }).waitFor();
  await prices.getByRole("row", { name: /Reading out of the vendor.*\$0\.09$/ }).waitFor();
  await page.getByText("35.70, 139.70").waitFor();
  await look("site");

  // It is counted about once a minute what lies where.
  await page.goto(world.url);
  const cost = page.getByRole("table", { name: "Cost of a month by vendor" });
  await cost.getByRole("row", { name: /^Google 2 sites.*under \$0\.01/ }).waitFor({ timeout: 120_000 });
  for (const site of ["google", "sydney"]) await cost.getByRole("row", { name: new RegExp(`^${site}`) }).waitFor();
  // A bar is as long as its part of the dearest, however little that is.
  const bar = cost.getByRole("row", { name: /^Oracle/ }).locator(".bar");
  const width = async (what: string) => (await bar.locator(what).boundingBox())?.width ?? 0;
  expect(await width(".tone-one"), "the dearest site has the whole bar").toBeGreaterThan(0.9 * ((await bar.boundingBox())?.width ?? Infinity));
  await look("overview");
  expect(faults).toEqual([]);
  await page.close();
});
