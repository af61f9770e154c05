// A bucket moves in from another store: counted, begun, paused, compared and finished on the page. The other store
// is a second Entente, whose S3 door is one like any other.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { axe, launch, open, overflow, shot, signIn } from "./browser";
import { World, content } from "./world";

const KIB = 1 << 10;
/** Enough that a pause at two MiB a second comes in the middle. */
const BODIES = new Map([
  ...Array.from({ length: 80 }, (_, at) => [`chests/${at}.bin`, content(at, 256 * KIB)] as const),
  ...["leaves/ space", "leaves/ключ", "leaves/a+b&c=d?", "leaves/empty", "leaves/both"].map((key, at) => [key, content(100 + at, key.endsWith("empty") ? 0 : 700)] as const),
]);
const LATE = "late.txt";

let old: World;
let world: World;
let browser: Browser;
let files: string;
let credentials: string;

beforeAll(async () => {
  [old, world, browser] = await Promise.all([World.start(), World.start(), launch()]);
  const s3 = await old.s3();
  await s3.request({ method: "PUT", bucket: "old-tea" });
  for (const [key, body] of BODIES) await s3.request({ method: "PUT", bucket: "old-tea", key, body, headers: { "x-amz-meta-of": "the old place" } });
  // A key that may read and list is enough; the running Entente finds it in a file.
  const reader = await old.person("reader", "mission-owner");
  await old.cli("grant", "set", "old-tea", "read", "--to", "reader", ...old.officer);
  files = mkdtempSync(join(tmpdir(), "entente-reader-"));
  credentials = `file:${join(files, "reader.ini")}`;
  writeFileSync(join(files, "reader.ini"), `[default]\naws_access_key_id = ${reader.accessKey}\naws_secret_access_key = ${reader.secret}\n`, { mode: 0o600 });
  await (await world.s3()).request({ method: "PUT", bucket: "tea" });
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([old?.stop(), world?.stop()]);
  if (files) rmSync(files, { recursive: true, force: true });
});

/** What the old place says of each object it holds. */
async function listing(): Promise<string[]> {
  const told = await (await old.s3()).request({ method: "GET", bucket: "old-tea", query: { "list-type": "2" } });
  return [...(await told.text()).matchAll(/<Contents>.*?<\/Contents>/g)].map(([object]) => object);
}

test("a bucket of another store is taken over: counted, begun, paused, compared, finished", async () => {
  const operator = await world.person("pat", "platform-operator");
  const before = await listing();
  const { page, faults } = await open(browser, world.url);
  await signIn(page, operator, { keep: true });
  await page.getByRole("link", { name: "Moving in" }).click();
  await page.getByText("No bucket is being taken over").waitFor();

  // First a name that is wrong: it is told before anything begins, and put right.
  await page.getByRole("button", { name: "Take a bucket over" }).click();
  const form = page.getByRole("dialog", { name: "Take a bucket over" });
  await form.getByLabel("Bucket here").fill("tea");
  await form.getByLabel("Bucket there").fill("older-tea");
  await form.getByLabel("Region").fill(old.ready.region);
  await form.getByLabel("Endpoint").fill(old.ready.s3_endpoint);
  await form.getByLabel("Credentials").fill(credentials);
  await form.getByLabel("Budget, MiB per second").fill("2");
  await shot(page, "adoption-form-light");
  await form.getByRole("button", { name: "Count what is there" }).click();
  const plan = page.getByRole("dialog", { name: "Take over into tea" });
  await plan.getByRole("alert").getByText(/older-tea|check the names|no bucket/i).waitFor();
  expect(await plan.getByRole("button", { name: "Begin" }).isDisabled()).toBe(true);
  await plan.getByRole("button", { name: "Cancel" }).click();
  await plan.waitFor({ state: "detached" });
  await form.getByLabel("Bucket there").fill("old-tea");
  await form.getByRole("button", { name: "Count what is there" }).click();
  await plan.getByText("Bytes to bring").waitFor();
  expect(await plan.locator("dl").innerText()).toMatch(new RegExp(`Objects\\s+${BODIES.size}\\s`));
  for (const scheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(400);
    await shot(page, `adoption-plan-${scheme}`);
    expect(await axe(page), scheme).toEqual([]);
  }
  await plan.getByRole("button", { name: "Begin" }).click();

  const table = page.getByRole("table", { name: "Adoptions" });
  const row = table.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "tea" }) });
  const state = (word: string) => row.getByText(word, { exact: true });
  const brought = async () => Number((await row.getByRole("cell").nth(2).innerText()).replace(",", ""));
  const step = async (name: string, { word }: { word?: string } = {}) => {
    await row.getByRole("button", { name: `${name} the adoption of tea` }).click();
    const dialog = page.getByRole("dialog", { name: `${name}: tea` });
    const deed = dialog.getByRole("button", { name, exact: true });
    if (word) {
      expect(await deed.isDisabled(), `${name} wants its word`).toBe(true);
      await dialog.getByLabel(`Type ${word} to go on`).fill(word);
    }
    if (name === "Resume") await dialog.getByLabel("Budget, MiB per second").fill("");
    await deed.click();
    await dialog.waitFor({ state: "detached" });
  };
  await state("copying").waitFor();
  await step("Pause");
  await state("paused").waitFor();
  await shot(page, "adoption-paused-light");
  expect(await brought()).toBeLessThan(BODIES.size);

  // Clients see all of it meanwhile, and what they write counts.
  const s3 = await world.s3();
  const read = async (key: string) => new Uint8Array(await (await s3.request({ method: "GET", bucket: "tea", key })).arrayBuffer());
  const same = async (key: string, body: Uint8Array) => expect(Buffer.compare(await read(key), body), key).toBe(0);
  await same("chests/9.bin", BODIES.get("chests/9.bin")!);
  await s3.request({ method: "PUT", bucket: "tea", key: "leaves/both", body: "written here\n" });

  await step("Resume");
  await state("caught up").waitFor({ timeout: 30_000 });
  await expect.poll(brought, { timeout: 10_000 }).toBe(BODIES.size - 1);

  // Somebody still writes to the old place: the comparison says so, and nothing ends.
  await (await old.s3()).request({ method: "PUT", bucket: "old-tea", key: LATE, body: "after all\n", headers: { "content-type": "text/plain" } });
  await step("Finish", { word: "tea" });
  const odd = page.getByRole("alert").filter({ hasText: "tea is not finished: 1 key differs" });
  await odd.getByText("late.txt: not here yet").waitFor();
  for (const scheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(400);
    await shot(page, `adoption-differs-${scheme}`);
    expect(await axe(page), scheme).toEqual([]);
  }
  await state("caught up").waitFor();
  await step("Pause");
  await step("Resume");
  await expect.poll(brought, { timeout: 20_000 }).toBe(BODIES.size);
  await step("Finish", { word: "tea" });
  await page.getByRole("status").filter({ hasText: `tea is finished. ${BODIES.size + 1} keys of the old place compared: ${BODIES.size} equal, 1 written or deleted here since.` }).waitFor();
  await state("finished").waitFor();
  expect(await row.getByRole("button").count(), "nothing is left to do").toBe(0);
  await shot(page, "adoption-finished-light");
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => overflow(page)).toBe(0);
  await shot(page, "adoption-finished-phone");
  expect(faults).toEqual([]);
  await page.close();

  // The old place was read and nothing else, and is not needed any more.
  const after = await listing();
  expect(after.length).toBe(BODIES.size + 1);
  expect(after.filter((object) => !object.includes(LATE))).toEqual(before);
  await old.stop();
  for (const [key, body] of BODIES) if (key !== "leaves/both") await same(key, body);
  await same("leaves/both", Buffer.from("written here\n"));
  const kept = await s3.request({ method: "HEAD", bucket: "tea", key: "chests/0.bin" });
  expect(kept.headers.get("x-amz-meta-of")).toBe("the old place");

  const owner = await open(browser, world.url);
  await signIn(owner.page, world.owner, { keep: true });
  await owner.page.goto(`${world.url}/buckets/tea`);
  await owner.page.getByRole("link", { name: "chests" }).waitFor();
  await owner.page.getByRole("link", { name: LATE }).click();
  await owner.page.getByRole("region", { name: "The text" }).getByText("after all").waitFor();
  await owner.page.getByText("It survives the loss of any two vendors.").waitFor();
  expect(owner.faults).toEqual([]);
  await owner.page.close();
});
