// A large upload is cut off in the middle, and goes on where it was after the page was loaded anew.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launch, open, shot, signIn } from "./browser";
import { World, content } from "./world";

const SIZE = 200_000_000;
const PARTS = Math.ceil(SIZE / (16 << 20));

let world: World;
let browser: Browser;
let files: string;
beforeAll(async () => {
  [world, browser] = await Promise.all([World.start(), launch()]);
  files = mkdtempSync(join(tmpdir(), "entente-files-"));
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
  rmSync(files, { recursive: true, force: true });
});

test("an upload of 200 MB that was interrupted goes on with the parts that are there", { timeout: 300_000 }, async () => {
  const bytes = content(7, SIZE);
  const path = join(files, "large.bin");
  writeFileSync(path, bytes);
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "large" });
  const { page, faults } = await open(browser, world.url);
  page.on("dialog", (dialog) => void dialog.accept());
  const sent: string[] = [];
  page.on("request", (request) => {
    const part = new URL(request.url()).searchParams.get("partNumber");
    if (request.method() === "PUT" && part) sent.push(part);
  });
  await signIn(page, world.owner, { keep: true });
  await page.goto(`${world.url}/buckets/large`);
  // A line as slow as in the field: on this machine all of it would be there before it could be cut off.
  const line = await page.context().newCDPSession(page);
  const slow = (uploadThroughput: number) => line.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
  await line.send("Network.enable");
  await slow(15_000_000);
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Upload files" }).click()]);
  await chooser.setFiles(path);

  // Some parts are there and some are not: now the page is loaded anew.
  await expect.poll(() => sent.length, { timeout: 60_000, interval: 50 }).toBeGreaterThanOrEqual(7);
  await shot(page, "upload-running");
  await page.goto(`${world.url}/buckets/large/uploads`);
  await page.getByRole("row", { name: /large\.bin/ }).waitFor();
  await shot(page, "upload-interrupted");
  const before = new Set(sent).size;
  expect(before).toBeLessThan(PARTS);
  sent.length = 0;
  await slow(-1);

  const [again] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Choose the file to go on" }).click()]);
  await again.setFiles(path);
  await page.getByRole("region", { name: "Uploads" }).getByText("there", { exact: true }).waitFor({ timeout: 120_000 });
  const after = new Set(sent).size;
  expect(after, "parts sent the second time").toBeLessThan(PARTS);
  expect(after).toBeGreaterThan(0);

  const got = await s3.request({ method: "GET", bucket: "large", key: "large.bin" });
  const digest = createHash("sha256").update(new Uint8Array(await got.arrayBuffer())).digest("hex");
  expect(digest).toBe(createHash("sha256").update(bytes).digest("hex"));
  expect(faults).toEqual([]);
  console.log(`${before} of ${PARTS} parts were begun before, ${after} were sent to finish it`);
});
