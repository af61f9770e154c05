// Every page of the navigation and the views beneath, for each role, in both themes and at a phone's width: the label at
// the top, nothing serious that axe finds, nothing the policy forbids, nothing wider than the window. The pictures are kept.

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { sideBySide } from "../src/pages/buckets/upload";
import { type Scheme, axe, banner, launch, open, overflow, shot, signIn } from "./browser";
import { type IssuedKey, World, content } from "./world";

const PHONE = { width: 390, height: 844 };
/** Views without a link in the navigation, and dialogs that an address opens. */
const BENEATH: Record<string, string[]> = {
  owner: ["/buckets/photos", "/buckets/photos/object?key=2026%2F1.jpg", "/buckets/photos/uploads", "/buckets/photos/rules", "/buckets/photos/access", "/buckets?new=1"],
  operator: ["/sites/google?span=15", "/sites/add", "/buckets/photos/placement", "/nowhere"],
  officer: ["/people?new=person", "/keys?new=pat"],
};
/** What an earlier role was shown otherwise: with moves, with ways to grants, without what changes anything. */
const OTHERWISE: Record<string, string[]> = { operator: ["/buckets"], officer: ["/buckets"], auditor: ["/people", "/keys"] };

/** Views that an earlier role was shown already: looked at again where they differ, or at full size (`ENTENTE_FULL=1`). */
const seen = new Set<string>();
const again = process.env.ENTENTE_FULL === "1";

let world: World;
let browser: Browser;
const keys: Record<string, IssuedKey> = {};
beforeAll(async () => {
  [world, browser] = await Promise.all([World.start(), launch()]);
  keys.owner = await world.person("ana", "mission-owner");
  keys.operator = await world.person("pat", "platform-operator");
  keys.officer = await world.person("olga", "security-officer");
  keys.auditor = await world.person("audrey", "auditor");
  const s3 = await world.s3(keys.owner);
  await s3.request({ method: "PUT", bucket: "photos" });
  for (let index = 0; index < 4; index++) await s3.request({ method: "PUT", bucket: "photos", key: `2026/${index}.jpg`, body: content(index, 500_000 * (index + 1)) });
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

test.each<Scheme>(["light", "dark"])("the sign-in page has no serious fault (%s)", async (scheme) => {
  const { page, faults } = await open(browser, world.url, { scheme });
  await page.getByText("region").waitFor();
  expect(await axe(page)).toEqual([]);
  await shot(page, `sign-in-${scheme}`);
  await page.getByLabel("Access key").fill("ENTENOBODY");
  await page.getByRole("textbox", { name: "Secret key" }).fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("not known here").waitFor();
  expect(await axe(page)).toEqual([]);
  expect(faults).toEqual([]);
  await page.close();
});

test.each(["owner", "operator", "officer", "auditor"])("what the %s sees has no serious fault", async (role) => {
  const { page, faults } = await open(browser, world.url);
  await signIn(page, keys[role]!, { keep: true });
  const links = page.getByRole("navigation", { name: "Pages" }).getByRole("link");
  await links.first().waitFor();
  const paths = await links.evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? "/"));
  const others = OTHERWISE[role] ?? [];
  expect(paths).toEqual(expect.arrayContaining(others));
  const wanted = [...paths, ...(BENEATH[role] ?? [])].filter((path) => again || others.includes(path) || !seen.has(path));
  expect(wanted.length, "there is something to look at").toBeGreaterThan(0);
  for (const path of wanted) {
    seen.add(path);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(new URL(path, world.url).href);
    await page.locator("h1").waitFor();
    await page.getByText("Loading …").first().waitFor({ state: "detached" });
    const name = `${role}${path.replace(/\W+/g, "-").replace(/-$/, "")}`;
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.waitForTimeout(400);
      expect(await axe(page), `${path} in ${scheme}`).toEqual([]);
      await shot(page, `${name}-${scheme}`);
    }
    expect(await page.locator(".failure").allTextContents(), `${path} shows what it is for`).toEqual([]);
    expect(await banner(page), `${path} says its label`).toBe(keys[role]!.label);
    expect(await overflow(page), `${path} at 1280`).toBe(0);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(PHONE);
    await page.waitForTimeout(300);
    expect(await overflow(page), `${path} on a phone`).toBe(0);
    expect(await banner(page), `${path} says its label on a phone`).toBe(keys[role]!.label);
    await shot(page, `${name}-phone`);
  }
  expect(faults).toEqual([]);
  await page.close();
});

test("a site that does not answer is told of before it is added", async () => {
  const { page, faults } = await open(browser, world.url);
  await signIn(page, keys.operator!, { keep: true });
  await page.goto(new URL("/sites/add", world.url).href);
  const panel = page.getByRole("region", { name: "3. Check it" });
  const button = panel.getByRole("button", { name: "Check it now" });
  await button.waitFor();
  expect(await button.isDisabled(), "the entry is not whole").toBe(true);
  const endpoint = `http://127.0.0.1:${await closedPort()}`;
  // The file is one of the data directory: an enclave without a settings file has its paths begin there.
  const said = { Name: "hall-e", Region: "cellar", Bucket: "pieces", Endpoint: endpoint, "Credentials file": "credentials" };
  for (const [label, text] of Object.entries(said)) await page.getByLabel(label, { exact: true }).fill(text);
  await button.click();
  await panel.getByText("It does not work").waitFor();
  await panel.getByText(`see that bucket \`pieces\` at ${endpoint} exists and is reached from here`, { exact: false }).waitFor();
  expect(await panel.getByRole("row", { name: /^Read whose it is .* Failed$/ }).count()).toBe(1);
  expect(await axe(page)).toEqual([]);
  expect(await overflow(page)).toBe(0);
  await shot(page, "operator-sites-add-checked-light");
  await page.setViewportSize(PHONE);
  await page.waitForTimeout(200);
  expect(await overflow(page), "on a phone").toBe(0);

  await page.getByLabel("Bucket", { exact: true }).fill("others");
  await panel.getByText("It does not work").waitFor({ state: "detached" });
  await page.getByLabel("Name", { exact: true }).fill("google");
  expect(await button.isDisabled(), "the name is taken").toBe(true);
  await page.getByLabel("Kind", { exact: true }).selectOption("local");
  expect(await button.count(), "a directory is checked on its machine").toBe(0);
  expect(faults).toEqual([]);
  await page.close();
});

const GROUPS = 130;

test("of many rows the first are shown, and any is found by what is typed, in both themes and on a phone", async () => {
  const names = Array.from({ length: GROUPS }, (_, index) => `team-${String(index).padStart(3, "0")}`);
  await sideBySide(names, 16, new AbortController().signal, (group) => world.post(keys.officer!, "/groups", { group }));
  const { page, faults } = await open(browser, world.url);
  await signIn(page, keys.officer!, { keep: true });
  await page.goto(new URL("/people", world.url).href);
  const panel = page.getByRole("region", { name: "Groups", exact: true });
  const rows = panel.getByRole("rowheader");
  await panel.getByText(`100 of ${GROUPS}`, { exact: true }).waitFor();
  expect(await rows.count()).toBe(100);
  expect(await panel.getByText("team-117").count(), "it is not among the first").toBe(0);
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(400);
    expect(await axe(page), `many rows in ${scheme}`).toEqual([]);
    await shot(page, `officer-people-many-${scheme}`);
  }
  await panel.getByRole("searchbox", { name: "Find in Groups" }).fill("TEAM-117");
  await panel.getByRole("status").getByText(`1 of ${GROUPS} matches`, { exact: true }).waitFor();
  expect(await rows.allInnerTexts()).toEqual(["team-117"]);
  expect(await axe(page), "one was found").toEqual([]);
  await page.setViewportSize(PHONE);
  await page.waitForTimeout(300);
  expect(await overflow(page), "on a phone").toBe(0);
  await shot(page, "officer-people-found-phone");

  await panel.getByRole("searchbox", { name: "Find in Groups" }).fill("");
  await panel.getByRole("button", { name: "Show 30 more" }).press("Enter");
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent), { message: "one reads on at the first that came" }).toBe("team-100");
  expect(await rows.count()).toBe(GROUPS);
  expect(await overflow(page), "all of them on a phone").toBe(0);
  expect(faults).toEqual([]);
  await page.close();
});

/** Nothing listens there any more. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
