// What stands around the data, used once: a folder, tags, locks, rules, profiles and grants; people and their keys; a
// site that rests. Each is done on the page, and looked at from outside of it.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Locator, Page } from "playwright-core";
import { afterAll, expect } from "vitest";

import { head, setVersioning } from "../src/pages/buckets/s3";
import type { S3 } from "../src/s3/client";
import { axe, open, signIn } from "./browser";
import { test } from "./stage";
import { type Key, type World, content } from "./world";

const LEAF = content(7, 300_000);
/** The page asks for buckets every 15 s. */
const LOOKED_WITHIN_MS = 30_000;
const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), "entente-folder-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const panel = (page: Page, name: string) => page.getByRole("region", { name, exact: true });
const bytesOf = async (s3: S3, bucket: string, key: string) => new Uint8Array(await (await s3.request({ method: "GET", bucket, key })).arrayBuffer());

/** A setting as the door tells it. */
const told = async (s3: S3, key: string, setting: string) => (await s3.request({ method: "GET", bucket: "herbarium", ...(key && { key }), query: { [setting]: "" } })).text();

/** The deed waits for its word. */
async function type(dialog: Locator, word: string, deed: string): Promise<void> {
  const button = dialog.getByRole("button", { name: deed, exact: true });
  expect(await button.isDisabled(), `${deed} wants its word`).toBe(true);
  await dialog.getByLabel(`Type ${word} to go on`).fill(word);
  await button.click();
}

test("a folder goes up and comes down as it was; it is tagged, locked, and removed by rules", async ({ world, browser }) => {
  const s3 = await world.s3();
  const { page, faults } = await open(browser, world.url);
  await signIn(page, world.owner, { keep: true });
  // The dialog has an address of its own.
  await page.goto(`${world.url}/buckets?new=1`);
  await page.getByRole("textbox", { name: "Name" }).fill("herbarium");
  await page.getByRole("switch", { name: "Allow object lock" }).check();
  await page.getByRole("button", { name: "Make the bucket" }).click();
  await page.getByText("Nothing here yet").waitFor();
  // Whoever asks for the ledger has everything counted; the page looks now and then.
  await world.cli("durability");
  await page.getByText("0 objects and versions").waitFor({ timeout: LOOKED_WITHIN_MS });

  mkdirSync(join(folder, "leaves", "dry"), { recursive: true });
  writeFileSync(join(folder, "leaves", "oak.bin"), LEAF);
  writeFileSync(join(folder, "leaves", "dry", "fern.txt"), "a fern\n");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Upload a folder" }).click()]);
  await chooser.setFiles(join(folder, "leaves"));
  await expect.poll(() => panel(page, "Uploads").getByText("there", { exact: true }).count()).toBe(2);
  expect(Buffer.from(await bytesOf(s3, "herbarium", "leaves/dry/fern.txt")).toString()).toBe("a fern\n");
  const uncounted = page.getByText("what was written is counted within about a minute");
  await uncounted.waitFor({ timeout: LOOKED_WITHIN_MS });
  await page.waitForTimeout(1_500);
  await world.cli("durability");
  await page.getByText("2 objects and versions").waitFor({ timeout: LOOKED_WITHIN_MS });
  expect(await uncounted.count()).toBe(0);

  await page.getByRole("link", { name: "leaves", exact: true }).click();
  await page.getByRole("table").getByRole("link", { name: "oak.bin" }).click();
  await page.getByRole("heading", { name: "oak.bin", level: 1 }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  expect(download.suggestedFilename()).toBe("oak.bin");
  expect(Buffer.compare(readFileSync(await download.path()), LEAF), "what came down is what went up").toBe(0);

  await panel(page, "Tags").getByRole("button", { name: "Add" }).click();
  await page.getByLabel("Name of tag 1").fill("class");
  await page.getByLabel("Value of tag 1").fill("draft");
  await page.getByRole("button", { name: "Save the tags" }).click();
  await panel(page, "Tags").getByText("draft").waitFor();
  expect(await told(s3, "leaves/oak.bin", "tagging")).toContain("<Key>class</Key><Value>draft</Value>");

  const lock = panel(page, "Lock");
  await lock.getByRole("button", { name: "Set a retention …" }).click();
  const retaining = page.getByRole("dialog", { name: "Set a retention" });
  await retaining.getByLabel("Kept until (UTC)").fill(new Date(Date.now() + 2 * DAY_MS).toISOString().slice(0, 10));
  expect(await axe(page), "a retention").toEqual([]);
  await retaining.getByRole("button", { name: "Set it" }).click();
  await lock.getByText(/^governance until/).waitFor();
  const { version } = await head(s3, "herbarium", "leaves/oak.bin", null);
  await expect(s3.request({ method: "DELETE", bucket: "herbarium", key: "leaves/oak.bin", query: { versionId: version ?? "" } }), "it is kept").rejects.toMatchObject({ status: 403 });
  await lock.getByRole("button", { name: "Place a legal hold …" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Place it" }).click();
  await lock.getByText("legal hold", { exact: true }).waitFor();
  await lock.getByRole("button", { name: "Lift the legal hold …" }).click();
  await type(page.getByRole("dialog"), "lift", "Lift it");
  await lock.getByText("no legal hold").waitFor();

  await page.goto(`${world.url}/buckets/herbarium/rules`);
  await page.getByRole("button", { name: "New rule" }).click();
  const rule = page.getByRole("dialog", { name: "New rule" });
  const save = rule.getByRole("button", { name: "Save the rule" });
  await rule.getByText("Say what the rule does").waitFor();
  expect(await save.isDisabled(), "it removes nothing yet").toBe(true);
  await rule.getByLabel("Names that begin with").fill("logs/");
  await rule.getByLabel("Objects, days after they were written").fill("7");
  expect(await axe(page), "a rule").toEqual([]);
  await save.click();
  await page.getByRole("table", { name: "Lifecycle rules" }).getByText("Objects go 7 days after they were written.").waitFor();
  for (const said of ["<Prefix>logs/</Prefix>", "<Status>Enabled</Status>", "<Expiration><Days>7</Days></Expiration>"]) expect(await told(s3, "", "lifecycle")).toContain(said);

  await page.getByRole("button", { name: "Delete the bucket …" }).click();
  const deleting = page.getByRole("dialog", { name: "Delete the bucket" });
  await deleting.getByText("It cannot be deleted: it holds objects.").waitFor();
  expect([await deleting.getByRole("textbox").count(), await deleting.getByRole("button", { name: "Delete the bucket" }).count()], "it can only be closed").toEqual([0, 0]);
  expect(faults).toEqual([]);
  await page.close();
});

test("a version is restored where none are kept only by its name, and the bucket moves to another profile", async ({ world, browser }) => {
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "plain" });
  await setVersioning(s3, "plain", "Enabled");
  await s3.request({ method: "PUT", bucket: "plain", key: "note.txt", body: "the first words\n" });
  await setVersioning(s3, "plain", "Suspended");
  await s3.request({ method: "PUT", bucket: "plain", key: "note.txt", body: "other words\n" });
  const owner = await open(browser, world.url);
  await signIn(owner.page, world.owner, { keep: true });
  await owner.page.goto(`${world.url}/buckets/plain/object?key=note.txt`);
  await owner.page.getByRole("button", { name: /^Restore the version/ }).click();
  await type(owner.page.getByRole("dialog", { name: "Restore this version" }), "note.txt", "Restore it");
  await panel(owner.page, "The text").getByText("the first words").waitFor();
  expect(Buffer.from(await bytesOf(s3, "plain", "note.txt")).toString()).toBe("the first words\n");

  const operator = await open(browser, world.url);
  await signIn(operator.page, await world.person("pat", "platform-operator"), { keep: true });
  await operator.page.goto(`${world.url}/buckets/plain/placement`);
  await operator.page.getByLabel(/^mirror-3/).check();
  await operator.page.getByRole("button", { name: "Plan the move to mirror-3" }).click();
  const plan = operator.page.getByRole("dialog", { name: "Move plain to mirror-3" });
  await plan.getByText("Stored then").waitFor();
  expect(await axe(operator.page), "a plan").toEqual([]);
  await type(plan, "plain", "Move it");
  const moves = operator.page.getByRole("table", { name: "Moves of data" });
  await moves.getByRole("row", { name: /plain.*mirror-3/ }).getByText("done", { exact: true }).waitFor();
  await owner.page.goto(`${world.url}/buckets/plain/placement`);
  await panel(owner.page, "Profile").getByText("any two vendors").waitFor();
  expect(await panel(owner.page, "Profile").innerText()).toMatch(/mirror-3\s+Code\s+3 copies/i);

  // A site rests, and is used again; what is written meanwhile is there.
  await operator.page.goto(`${world.url}/roles?bucket=below`);
  await operator.page.getByRole("table", { name: "A bucket whose label is below" }).waitFor();
  await operator.page.goto(`${world.url}/sites/google?span=15`);
  await panel(operator.page, "Health").getByText(/^the last 15 minutes/).waitFor();
  await operator.page.getByText("6 h", { exact: true }).click();
  await panel(operator.page, "Health").getByText(/^the last 6 hours/).waitFor();
  expect(new URL(operator.page.url()).search, "what is looked at is in the address").toBe("?span=360");
  const standing = panel(operator.page, "How the site is");
  await standing.getByRole("button", { name: "Suspend" }).click();
  await operator.page.getByRole("dialog", { name: "Suspend google" }).getByRole("button", { name: "Suspend", exact: true }).click();
  await standing.getByText("Suspended", { exact: true }).waitFor();
  expect(await world.cli("status")).toMatch(/google.*suspended/);
  expect(await operator.page.getByText("Not asked", { exact: true }).count(), "it is at rest, and not out").toBe(2);
  await s3.request({ method: "PUT", bucket: "plain", key: "meanwhile", body: "here\n" });
  await standing.getByRole("button", { name: "Use it again" }).click();
  await operator.page.getByRole("dialog", { name: "Use google again" }).getByRole("button", { name: "Use it again" }).click();
  await standing.getByText("It takes reads and writes.").waitFor();
  expect(await world.cli("status")).not.toMatch(/google.*suspended/);
  expect(Buffer.from(await bytesOf(s3, "plain", "meanwhile")).toString()).toBe("here\n");
  expect([...owner.faults, ...operator.faults]).toEqual([]);
  await Promise.all([owner.page.close(), operator.page.close()]);
});

/** The key that is shown this once. */
async function shownOnce(page: Page): Promise<Key> {
  const dialog = page.getByRole("dialog", { name: "The secret, this once" });
  const text = await dialog.getByRole("region", { name: "the key as a credentials file" }).innerText();
  const [, accessKey = "", secret = ""] = /aws_access_key_id = (\S+)\s+aws_secret_access_key = (\S+)/.exec(text) ?? [];
  expect(await dialog.getByRole("button", { name: "Close" }).isDisabled(), "it is asked whether the key is kept").toBe(true);
  await dialog.getByLabel("It is where it belongs").check();
  await dialog.getByRole("button", { name: "Close" }).click();
  await dialog.waitFor({ state: "detached" });
  return { accessKey, secret };
}

const read = async (world: World, key: Key) => Buffer.from(await bytesOf(await world.s3(key), "shelf", "book.txt")).toString();

async function explained(page: Page, world: World, answer: string): Promise<void> {
  await page.goto(`${world.url}/explain`);
  await page.getByRole("combobox", { name: "Who" }).click();
  await page.getByRole("option", { name: "ben", exact: true }).click();
  await page.getByLabel("In the bucket").fill("shelf");
  await page.getByLabel("To the object").fill("book.txt");
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  await panel(page, "The answer").getByText(answer, { exact: true }).waitFor();
}

test("a person is made, given a key and a grant, suspended and let in again, put into a group, and loses all of it", async ({ world, browser }) => {
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "shelf" });
  await s3.request({ method: "PUT", bucket: "shelf", key: "book.txt", body: "a book\n" });
  const { page, faults } = await open(browser, world.url);
  await signIn(page, await world.person("olga", "security-officer"), { keep: true });
  await page.goto(`${world.url}/people?new=person`);
  await page.getByRole("dialog", { name: "New person" }).getByLabel("Name").fill("ben");
  await page.getByRole("button", { name: "Make the person" }).click();
  const ben = page.getByRole("dialog", { name: "ben" });
  await ben.getByText("No key", { exact: true }).waitFor();
  expect(await axe(page), "a person").toEqual([]);
  await ben.getByRole("link", { name: "Issue a key" }).click();
  await page.getByRole("button", { name: "Issue it" }).click();
  const first = await shownOnce(page);
  await expect(read(world, first), "nothing is granted yet").rejects.toMatchObject({ status: 403 });
  await explained(page, world, "not allowed");

  await page.goto(`${world.url}/buckets/shelf/access`);
  await page.getByText("Nobody but its owner").waitFor();
  await panel(page, "Grant").getByRole("combobox", { name: "Name" }).click();
  await page.getByRole("option", { name: "ben", exact: true }).click();
  await panel(page, "Grant").getByRole("button", { name: "Grant", exact: true }).click();
  await panel(page, "Grants").getByRole("row", { name: /ben.*read/ }).waitFor();
  expect(await axe(page), "a grant").toEqual([]);
  expect(await read(world, first)).toBe("a book\n");
  await explained(page, world, "allowed");

  // One that stops at once is ended by its word; so is one that is revoked.
  await page.goto(`${world.url}/keys`);
  await page.getByRole("button", { name: `Rotate ${first.accessKey}` }).click();
  const rotating = page.getByRole("dialog", { name: "Rotate a key" });
  expect(await rotating.getByRole("button", { name: "Rotate it" }).isEnabled(), "with time to change it, no word is asked for").toBe(true);
  await rotating.getByRole("combobox", { name: "The old one stops" }).click();
  await page.getByRole("option", { name: "at once" }).click();
  await rotating.getByLabel(/^Type/).waitFor();
  expect(await axe(page), "a rotation").toEqual([]);
  await type(rotating, first.accessKey.slice(-6), "Rotate it");
  const second = await shownOnce(page);
  await expect(read(world, first), "the old one stopped").rejects.toMatchObject({ status: 403 });
  expect(await read(world, second)).toBe("a book\n");

  // Who is suspended has no key that opens anything, until they are let in again.
  await page.goto(`${world.url}/people?user=ben`);
  await ben.getByRole("button", { name: "Suspend …" }).click();
  await type(page.getByRole("dialog", { name: "Suspend ben" }), "ben", "Suspend");
  await ben.getByText("suspended", { exact: true }).waitFor();
  await expect(read(world, second), "suspended").rejects.toMatchObject({ status: 403 });
  await ben.getByRole("button", { name: "Let them in again …" }).click();
  await page.getByRole("dialog", { name: "Let ben in again" }).getByRole("button", { name: "Let them in" }).click();
  await ben.getByText("active", { exact: true }).waitFor();
  expect(await read(world, second)).toBe("a book\n");

  await page.goto(`${world.url}/buckets/shelf/access`);
  await page.getByRole("button", { name: "Take back …" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
  await page.getByText("Nobody but its owner").waitFor();
  await explained(page, world, "not allowed");

  // What is granted to a group holds for who is in it, and for as long.
  await page.goto(`${world.url}/people`);
  const groups = panel(page, "Groups");
  await groups.getByRole("button", { name: "New group" }).click();
  await page.getByRole("dialog", { name: "New group" }).getByLabel("Name").fill("readers");
  await page.getByRole("button", { name: "Make the group" }).click();
  await groups.getByRole("row", { name: /^readers nobody/ }).waitFor();
  await world.cli("grant", "set", "shelf", "read", "--to", "group:readers", ...world.officer);
  const members = page.getByRole("dialog", { name: "Members of readers" });
  for (const [change, becomes] of [["ben", /^readers ben/], ["", /^readers nobody/]] as const) {
    await groups.getByRole("button", { name: "Members …" }).click();
    const field = members.getByRole("combobox", { name: "Members" });
    await field.click();
    if (change) await page.getByRole("option", { name: change, exact: true }).click();
    else await field.press("Backspace");
    await field.press("Tab");
    await members.getByRole("button", { name: "Set the members" }).click();
    await groups.getByRole("row", { name: becomes }).waitFor();
    if (change) expect(await read(world, second)).toBe("a book\n");
    else await expect(read(world, second), "nobody is in it").rejects.toMatchObject({ status: 403 });
  }

  await page.goto(`${world.url}/keys`);
  await page.getByRole("button", { name: `Revoke ${second.accessKey}` }).click();
  await type(page.getByRole("dialog", { name: "Revoke a key" }), second.accessKey.slice(-6), "Revoke it");
  await page.getByRole("button", { name: `Revoke ${second.accessKey}` }).waitFor({ state: "detached" });
  await expect(read(world, second)).rejects.toMatchObject({ status: 403 });
  expect(faults).toEqual([]);
  await page.close();
});

test("one takes another key in place of one's own, and it is shown although the old one opens nothing any more", async ({ world, browser }) => {
  const old = await world.person("otto", "security-officer");
  const { page, faults } = await open(browser, world.url);
  await signIn(page, old, { keep: true });
  await page.getByRole("link", { name: "Your key" }).click();
  await panel(page, "This session").getByText(old.accessKey).waitFor();
  await page.getByRole("button", { name: "Rotate it …" }).click();
  const rotating = page.getByRole("dialog", { name: "Rotate a key" });
  await rotating.getByRole("combobox", { name: "The old one stops" }).click();
  await page.getByRole("option", { name: "at once" }).click();
  const refused = page.waitForResponse((answer) => answer.status() === 401);
  await type(rotating, old.accessKey.slice(-6), "Rotate it");
  // The page is told that its key is not known any more.
  await refused;
  await page.waitForTimeout(500);
  const key = await shownOnce(page);
  await page.getByText("This key is no longer taken").waitFor();
  await signIn(page, key);
  await page.getByRole("link", { name: "Your key" }).click();
  await panel(page, "This session").getByText(key.accessKey).waitFor();
  expect(faults).toEqual([]);
  await page.close();
});
