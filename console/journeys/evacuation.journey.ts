// A site is evacuated, and watched to the end.

import { expect } from "vitest";

import { open, shot, signIn } from "./browser";
import { test } from "./stage";
import { content } from "./world";

const BODIES = 24;
const MIB = 1 << 20;

test("an evacuation shows its plan before, its progress while it runs, and its end", async ({ world, browser }) => {
  const operator = await world.person("pat", "platform-operator");
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "left" });
  for (let index = 0; index < BODIES; index++) await s3.request({ method: "PUT", bucket: "left", key: `${index}`, body: content(index, 2 * MIB) });

  const { page, faults } = await open(browser, world.url);
  await signIn(page, operator);
  await page.getByRole("link", { name: "Vendors and sites" }).click();
  await page.getByRole("region", { name: "Sites", exact: true }).getByRole("link", { name: "oracle" }).click();
  await page.getByRole("button", { name: "Evacuate" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("region", { name: "Plan" }).getByText("Coded anew").waitFor();
  expect(await dialog.getByText(/^\d+ segments?$/).last().textContent()).not.toBe("0 segments");
  expect((await dialog.getByRole("list", { name: "How it lies then" }).getByRole("listitem").allInnerTexts()).join(" "), "what it can lose then").toMatch(/\d+ segments? \(.+\) (stays?|that lies? as) .+ can lose .+ now\./);
  const go = dialog.getByRole("button", { name: "Evacuate" });
  expect(await go.isDisabled()).toBe(true);
  await dialog.getByLabel("Type oracle to go on").fill("orac");
  expect(await go.isDisabled()).toBe(true);
  await dialog.getByLabel("Type oracle to go on").fill("oracle");
  await shot(page, "evacuation-plan-light");
  await go.click();
  await dialog.waitFor({ state: "detached" });

  await page.getByRole("region", { name: "Evacuation" }).getByText("Pieces brought away").waitFor();
  await shot(page, "evacuation-under-way-light");
  await page.getByText("Nothing that counts lies here any more").waitFor({ timeout: 90_000 });
  await shot(page, "evacuation-over-light");

  const read = async (index: number) => new Uint8Array(await (await s3.request({ method: "GET", bucket: "left", key: `${index}` })).arrayBuffer());
  for (let index = 0; index < BODIES; index++) expect(Buffer.compare(await read(index), content(index, 2 * MIB)), `${index}`).toBe(0);
  expect(faults).toEqual([]);
});
