// A piece is lost at a vendor; a scrub that is begun from the page names it.

import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import { expect } from "vitest";

import { open, shot, signIn } from "./browser";
import { test } from "./stage";
import { content } from "./world";

const MIB = 1 << 20;

test("a scrub that is begun from the page names the piece that is missing", async ({ world, browser }) => {
  const operator = await world.person("pat", "platform-operator");
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "proofs" });
  for (let index = 0; index < 3; index++) await s3.request({ method: "PUT", bucket: "proofs", key: `${index}`, body: content(index, 3 * MIB) });
  const pieces = files(world.site("google")).filter((path) => /\/d\//.test(path));
  expect(pieces.length).toBeGreaterThan(0);
  const lost = pieces[0]!;
  rmSync(lost);

  const { page, faults } = await open(browser, world.url);
  await signIn(page, operator);
  await page.getByRole("link", { name: "Durability" }).click();
  const scrub = page.getByRole("region", { name: "Scrub" });
  await scrub.getByRole("button", { name: "Begin a scrub" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("google").check();
  await dialog.getByLabel("inventory").check();
  await dialog.getByRole("button", { name: "Begin" }).click();
  await scrub.getByText("1 missing").waitFor({ timeout: 30_000 });

  // It is mended by itself soon after, and then stands among what is over.
  const findings = page.getByRole("region", { name: "Findings", exact: true }).first();
  const name = lost.split("/").at(-1) ?? "";
  const over = findings.getByLabel(/Also what is over/);
  await findings.getByText(name).or(over).first().waitFor({ timeout: 30_000 });
  if (await over.isVisible()) await over.check();
  const row = findings.getByRole("row").filter({ hasText: name });
  await row.waitFor();
  expect(await row.textContent()).toMatch(/missing.*google/);
  await shot(page, "durability-finding-light");
  expect(faults).toEqual([]);
});

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}
