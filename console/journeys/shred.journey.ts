// A label is shredded from the page: its plan is read, its word typed, and then it is nowhere; other labels are whole.

import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { setHold, setLockDefault, setVersioning } from "../src/pages/buckets/s3";
import { axe, launch, open, overflow, shot, signIn } from "./browser";
import { type Key, World, content } from "./world";

const LOW = "UNCLASSIFIED";
const SECRET = "SECRET//NOFORN";
const LARGE = content(5, 3 << 20);

let world: World;
let browser: Browser;
let copies: string;
const keys: Record<string, Key> = {};

beforeAll(async () => {
  [world, browser] = await Promise.all([World.start({ range: [LOW, "SECRET"] }), launch()]);
  copies = mkdtempSync(join(tmpdir(), "entente-copies-"));
  for (const [name, role, label] of [
    ["ana", "mission-owner", "SECRET"],
    ["ben", "mission-owner", LOW],
    ["olga", "security-officer", "SECRET"],
    ["pat", "platform-operator", "SECRET"],
    ["anton", "auditor", "SECRET"],
  ] as const) {
    keys[name] = await world.person(name, role, label);
  }
  for (const [name, bucket] of [
    ["ana", "vault"],
    ["ben", "plain"],
  ] as const) {
    const s3 = await world.s3(keys[name]);
    await s3.request({ method: "PUT", bucket });
    await s3.request({ method: "PUT", bucket, key: "note.txt", body: `the note of ${name}\n`, headers: { "content-type": "text/plain" } });
    await s3.request({ method: "PUT", bucket, key: "large.bin", body: LARGE });
  }
  const ana = await world.s3(keys.ana);
  await setVersioning(ana, "vault", "Enabled");
  await setLockDefault(ana, "vault", null);
  await ana.request({ method: "PUT", bucket: "vault", key: "held.txt", body: "kept by a hold\n" });
  await setHold(ana, "vault", "held.txt", null, true);
  await ana.request({ method: "POST", bucket: "vault", key: "unfinished", query: { uploads: "" } });
  await world.cli("root-key", "split", "--needed", "2", "--holder", "joe", "--holder", "sue", "--holder", "eve", "--out", copies);
  await world.cli("backup", join(copies, "catalog.backup"));
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
  if (copies) rmSync(copies, { recursive: true, force: true });
});

async function as(name: string, path = ""): Promise<{ page: Page; faults: string[] }> {
  const opened = await open(browser, world.url + path);
  await signIn(opened.page, keys[name] as Key, { keep: true });
  return opened;
}

const words = async (page: Page) => (await page.locator("main").innerText()) + (await page.title());

const labelsInUse = (page: Page) => page.getByRole("table", { name: "Labels in use" }).getByRole("rowheader").allInnerTexts();

/** Once everything on the page was asked for. */
async function settled(page: Page, title: string): Promise<void> {
  await page.getByRole("heading", { name: title, level: 1 }).waitFor();
  await page.getByText("Loading …").first().waitFor({ state: "detached" });
  await page.waitForTimeout(300);
}

/** What lies at the other label stays readable under a new key. */
async function rotate(page: Page): Promise<void> {
  await page.getByRole("button", { name: `A new key for ${LOW}` }).click();
  const dialog = page.getByRole("dialog", { name: `A new key for ${LOW}` });
  await dialog.getByText("under a new key, epoch 2.").waitFor();
  await dialog.getByRole("button", { name: "Make the new key" }).click();
  await page.getByRole("row", { name: LOW }).getByRole("cell", { name: "1, 2", exact: true }).waitFor();
  await (await world.s3(keys.ben)).request({ method: "PUT", bucket: "plain", key: "new.txt", body: "under the new key\n" });
}

/** The root key, and what else its succession may have left beside it. */
function rootKeys(of: string): { key: string; files: string[] } {
  return { key: readFileSync(of, "utf8"), files: readdirSync(dirname(of)).filter((name) => name.startsWith(basename(of))) };
}

test("a label is shredded once its plan was shown, its locks were overruled and its word was typed", async () => {
  const ana = await as("ana", "/buckets/vault");
  await ana.page.getByRole("table").getByRole("link", { name: "note.txt" }).waitFor();

  const { page, faults } = await as("olga", "/labels");
  const begin = page.getByRole("button", { name: `Shred ${SECRET}` });
  const dialog = page.getByRole("dialog", { name: `Shred ${SECRET}` });
  const deed = dialog.getByRole("button", { name: "Make it unreadable for ever" });
  const word = dialog.getByLabel(`Type ${SECRET} to go on`);
  const despite = dialog.getByLabel("Despite object locks that keep 1 version");
  await begin.click();
  await dialog.getByText("To be destroyed").waitFor();
  const plan = await dialog.locator("dl > div").evaluateAll((rows) => Object.fromEntries(rows.map((row) => [...row.children].map((part) => part.textContent ?? ""))) as Record<string, string>);
  expect(plan).toMatchObject({ "Objects and versions": "3", Buckets: "vault", "Unfinished uploads": "1", "Access keys at it": "1", "Keys destroyed": "1", "Kept by locks": "1" });
  for (const site of ["amazon", "microsoft", "google", "oracle"]) {
    expect(await dialog.getByRole("row", { name: site }).innerText()).toMatch(/[1-9]/);
  }
  await dialog.getByText("shares of joe, sue, eve, 2 of which give a root key").waitFor();
  await dialog.getByText(join(copies, "catalog.backup")).waitFor();
  const rootKey = await dialog.getByText(/root\.key$/).innerText();
  const before = rootKeys(rootKey);

  await word.fill(SECRET);
  expect(await deed.isDisabled(), "a lock is overruled by who says so").toBe(true);
  await despite.check();
  await word.fill("SECRET");
  expect(await deed.isDisabled(), "another word").toBe(true);
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(400);
    await shot(page, `shred-plan-${scheme}`);
    expect(await axe(page), scheme).toEqual([]);
  }
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  const old = await world.s3(keys.ana);
  const note = { method: "GET", bucket: "vault", key: "note.txt" };
  expect(await (await old.request(note)).text(), "a plan changes nothing").toBe("the note of ana\n");
  expect(rootKeys(rootKey)).toEqual(before);

  await begin.click();
  await dialog.getByText("To be destroyed").waitFor();
  expect(await word.inputValue(), "nothing stays typed").toBe("");
  await despite.check();
  await word.fill(SECRET);
  await deed.click();

  // The plan can be asked for no more: what is to be destroyed stays in sight.
  const left = page.getByRole("region", { name: `${SECRET} is shredded` });
  await left.getByText("shares of joe, sue, eve").waitFor();
  await left.getByText(join(copies, "catalog.backup")).waitFor();
  await dialog.waitFor({ state: "detached" });
  await begin.waitFor({ state: "detached" });
  expect(await labelsInUse(page)).toEqual([LOW]);
  const after = rootKeys(rootKey);
  expect(after.key).not.toBe(before.key);
  expect(after.files).toEqual(before.files);
  for (const scheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(400);
    await shot(page, `shred-over-${scheme}`);
    expect(await axe(page), scheme).toEqual([]);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => overflow(page)).toBe(0);
  await shot(page, "shred-over-phone");
  expect(faults).toEqual([]);
  await page.close();

  // Who looked at it has nothing to look with any more.
  await ana.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Buckets" }).click();
  await ana.page.getByText("This key is no longer taken").waitFor();
  expect(await ana.page.locator("body").innerText()).not.toMatch(/vault|note\.txt|admin\.token/);
  await shot(ana.page, "shred-signed-out");
  expect(ana.faults).toEqual([]);
  await ana.page.close();
  await expect(old.request(note)).rejects.toMatchObject({ status: 403 });
});

test("nothing of it is left to see for anybody, and what lies at another label is whole", async () => {
  for (const [name, pages] of [
    ["pat", ["Overview", "Durability", "Buckets"]],
    ["olga", ["Buckets", "Labels"]],
    ["anton", ["Labels", "Releases"]],
    ["ben", ["Buckets"]],
  ] as const) {
    const { page, faults } = await as(name);
    for (const title of pages) {
      await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: title, exact: true }).click();
      await settled(page, title);
      expect(await page.locator(".failure").allTextContents(), `${title} of ${name}`).toEqual([]);
      expect(await words(page), `${title} of ${name}`).not.toMatch(/vault|held\.txt/);
      if (title === "Buckets") await page.getByRole("rowheader", { name: "plain" }).waitFor();
      if (title === "Labels") expect(await labelsInUse(page)).toEqual([LOW]);
      if (title === "Labels" && name === "olga") await rotate(page);
    }
    if (name === "ben") {
      await page.getByRole("link", { name: "plain", exact: true }).click();
      await page.getByRole("link", { name: "note.txt" }).click();
      await page.getByRole("region", { name: "The text" }).getByText("the note of ben").waitFor();
    }
    expect(faults).toEqual([]);
    await page.close();
  }
  expect(await (await (await world.s3(keys.ben)).request({ method: "GET", bucket: "plain", key: "new.txt" })).text()).toBe("under the new key\n");
  const whole = await (await (await world.s3(keys.ben)).request({ method: "GET", bucket: "plain", key: "large.bin" })).arrayBuffer();
  expect(Buffer.compare(Buffer.from(whole), LARGE)).toBe(0);

  // The label may be used again: a key at it finds nothing, and begins anew.
  const made = await world.cli("key", "create", "--user", "ana", "--label", "SECRET", "--json", ...world.officer);
  const { access_key, secret_key } = JSON.parse(made) as { access_key: string; secret_key: string };
  keys.ana = { accessKey: access_key, secret: secret_key };

  const ana = await as("ana", "/buckets");
  await ana.page.getByText("No bucket yet").waitFor();
  const told: string[] = [];
  for (const bucket of ["vault", "none1"]) {
    await ana.page.goto(`${world.url}/buckets/${bucket}`);
    await ana.page.getByRole("alert").first().waitFor();
    await settled(ana.page, bucket);
    told.push((await words(ana.page)).replaceAll(bucket, "BUCKET"));
  }
  expect(told[0], "as if it had never been").toBe(told[1]);
  await ana.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Buckets" }).click();
  await ana.page.getByRole("button", { name: "New bucket" }).first().click();
  await ana.page.getByRole("textbox", { name: "Name" }).fill("vault");
  await ana.page.getByRole("button", { name: "Make the bucket" }).click();
  await ana.page.getByText("Nothing here yet").waitFor();
  expect(ana.faults).toEqual([]);
  await ana.page.close();
});
