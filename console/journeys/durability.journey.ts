// Pieces are lost at vendors: a scrub that is begun from the page names one, a repair brings one back, the drill that
// the page tells of finds the catalog right, and what goes by itself is told to who asks.

import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import { expect } from "vitest";

import { axe, open, shot, signIn } from "./browser";
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
  const plan = dialog.getByRole("region", { name: "Plan of a scrub" });
  await plan.getByText("Pays for it").waitFor();
  expect(await plan.getByRole("row").count(), "a heading, and the site that is chosen").toBe(2);
  expect(await axe(page)).toEqual([]);
  await shot(page, "durability-scrub-plan-light");
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
  await page.close();
});

test("a repair that is begun from the page brings back the piece that a site lost", async ({ world, browser }) => {
  const operator = await world.person("rob", "platform-operator");
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "mended" });
  for (let index = 0; index < 3; index++) await s3.request({ method: "PUT", bucket: "mended", key: `${index}`, body: content(10 + index, 3 * MIB) });

  const { page, faults } = await open(browser, world.url);
  await signIn(page, operator, { keep: true });
  await page.goto(`${world.url}/durability`);
  const repair = page.getByRole("region", { name: "Repair", exact: true });
  await repair.getByText("Nothing is below its promise").waitFor();
  const pieces = () => files(world.site("microsoft")).filter((path) => /\/d\//.test(path));
  const before = pieces();
  rmSync(before.at(-1)!);

  await repair.getByRole("button", { name: "Repair now" }).click();
  const dialog = page.getByRole("dialog", { name: "Repair now" });
  await dialog.getByText("In the end every site’s listing is compared").waitFor();
  await dialog.getByRole("button", { name: "Repair", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await repair.getByText("at 4 sites compared: none is missing, 1 restored.").waitFor({ timeout: 40_000 });
  await repair.getByText("Done", { exact: true }).waitFor();
  // What it changed shows at once, and not when it is next asked for.
  await repair.getByText("Nothing is below its promise").waitFor({ timeout: 8_000 });
  const findings = page.getByRole("region", { name: "Findings", exact: true }).first();
  await findings.getByLabel(/Also what is over/).check();
  await findings.getByRole("row").filter({ hasText: before.at(-1)!.split("/").at(-1) }).getByText("microsoft").waitFor();
  expect(pieces().length).toBe(before.length);
  // The ledger has what was written, to the object and byte: who asks for it has everything counted.
  await world.cli("durability");
  await page.reload();
  await page.getByRole("region", { name: "Proofs" }).getByRole("row", { name: /^mended .*\b3 9\.4 MB all$/ }).waitFor();
  const journal = page.getByRole("region", { name: "Journal" });
  await journal.getByText("There is nothing to compact now.").waitFor();
  expect(await journal.getByRole("button", { name: "Compact now" }).isDisabled(), "its writer epoch is still open").toBe(true);
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(400);
    await shot(page, `durability-repaired-${scheme}`);
    expect(await axe(page), scheme).toEqual([]);
  }

  // Whatever two vendors are gone, it is there: the piece is not there by name alone.
  const putBack = ["amazon", "google"].map((site) => world.tear(site));
  for (let index = 0; index < 3; index++) {
    const got = new Uint8Array(await (await s3.request({ method: "GET", bucket: "mended", key: `${index}` })).arrayBuffer());
    expect(Buffer.compare(got, content(10 + index, 3 * MIB)), `${index}`).toBe(0);
  }
  for (const back of putBack) back();
  expect(faults).toEqual([]);
  await page.close();
});

test("the drill that the page tells of is run as it stands there, and finds nothing that differs", async ({ world, browser }) => {
  const operator = await world.person("sam", "platform-operator");
  const { page, faults } = await open(browser, world.url);
  await signIn(page, operator, { keep: true });
  await page.goto(`${world.url}/durability`);
  const command = await page.getByRole("region", { name: "command of the drill" }).innerText();
  const [program, ...rest] = command.trim().split(" ");
  expect(program).toBe("entente");
  await page.getByText("None was made on this data directory").waitFor();
  expect(await world.cli(...rest)).toContain("rows of the catalog as they are");
  await page.getByText(/objects? came back as they are/).waitFor({ timeout: 20_000 });
  await shot(page, "durability-drill-light");
  expect(faults).toEqual([]);
  await page.close();
});

test("what goes by itself is told to who asks for it, as on the command line", async ({ world, browser }) => {
  const operator = await world.person("sue", "platform-operator");
  const { page, faults } = await open(browser, world.url);
  const asked: string[] = [];
  page.on("request", (request) => void (/(sweep|lifecycle)-plan$/.test(request.url()) && asked.push(request.url())));
  await signIn(page, operator, { keep: true });
  await page.goto(`${world.url}/durability`);
  const panel = page.getByRole("region", { name: "What goes by itself" });
  const see = panel.getByRole("button", { name: "See what would go now" });
  await see.waitFor();
  expect(asked, "nothing is walked through for who only looks").toEqual([]);
  await see.click();
  await panel.getByText("No piece is to be deleted").waitFor();
  await panel.getByText("No rule makes anything due").waitFor();
  expect(asked.length).toBe(2);
  expect(await world.cli("site", "sweep", "--plan")).toContain("no piece is to be deleted");
  expect(await world.cli("bucket", "lifecycle", "--plan")).toContain("no rule makes anything due");
  expect(await axe(page)).toEqual([]);
  await shot(page, "durability-by-itself-light");
  expect(faults).toEqual([]);
  await page.close();
});

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}
