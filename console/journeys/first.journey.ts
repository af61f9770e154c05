// From the first start to the first file, seen at four vendors.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launch, open, shot, signIn } from "./browser";
import { World, content } from "./world";

const MIB = 1 << 20;

let world: World;
let browser: Browser;
beforeAll(async () => {
  [world, browser] = await Promise.all([World.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

test("who has the first key makes a bucket, puts a file into it, and sees it at four vendors", async () => {
  const { page, faults } = await open(browser, world.url);
  await signIn(page, world.owner);
  await page.getByRole("heading", { name: "Buckets", level: 1 }).waitFor();
  await page.getByRole("button", { name: "New bucket" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Name" }).fill("first-light");
  await dialog.getByRole("button", { name: "Make the bucket" }).click();
  await page.getByRole("heading", { name: "first-light", level: 1 }).waitFor();

  const body = Buffer.from(content(1, 3 * MIB));
  await page.getByLabel("Files to upload").setInputFiles({ name: "sunrise.bin", mimeType: "application/octet-stream", buffer: body });
  await page.getByRole("main").getByRole("link", { name: "sunrise.bin" }).first().click({ timeout: 30_000 });
  const where = page.getByRole("region", { name: "Where it lies" });
  for (const vendor of ["amazon", "microsoft", "google", "oracle"]) await where.getByText(vendor, { exact: false }).first().waitFor();
  await shot(page, "first-file-light");

  const s3 = await world.s3();
  const got = Buffer.from(await (await s3.request({ method: "GET", bucket: "first-light", key: "sunrise.bin" })).arrayBuffer());
  expect(Buffer.compare(got, body), "what the page sent is what is stored").toBe(0);
  expect(faults).toEqual([]);
});
