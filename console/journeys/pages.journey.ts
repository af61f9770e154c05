// Every page of the navigation, for each role, in both themes and at a phone's width: nothing serious that axe finds,
// nothing the policy forbids, nothing wider than the window. The pictures are kept.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type Scheme, axe, launch, open, overflow, shot, signIn } from "./browser";
import { type Key, World, content } from "./world";

const PHONE = { width: 390, height: 844 };
/** Views without a link in the navigation. */
const BENEATH: Record<string, string[]> = { operator: ["/sites/google", "/sites/add", "/nowhere"] };

/** Views that an earlier role was shown already: looked at again only at full size (`ENTENTE_FULL=1`). */
const seen: Record<Scheme, Set<string>> = { light: new Set(), dark: new Set() };
const again = process.env.ENTENTE_FULL === "1";

let world: World;
let browser: Browser;
const keys: Record<string, Key> = {};
beforeAll(async () => {
  [world, browser] = await Promise.all([World.start(), launch()]);
  keys.owner = world.owner;
  keys.operator = await world.person("pat", "platform-operator");
  keys.officer = await world.person("olga", "security-officer");
  keys.auditor = await world.person("audrey", "auditor");
  const s3 = await world.s3();
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

test.each(["owner", "operator", "officer", "auditor"].flatMap((role) => (["light", "dark"] as const).map((scheme) => [role, scheme] as const)))(
  "what the %s sees has no serious fault (%s)",
  async (role, scheme) => {
    const { page, faults } = await open(browser, world.url, { scheme });
    await signIn(page, keys[role]!, { keep: true });
    const links = page.getByRole("navigation", { name: "Pages" }).getByRole("link");
    await links.first().waitFor();
    const paths = await links.evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? "/"));
    expect(paths.length).toBeGreaterThan(0);
    for (const path of [...paths, ...(BENEATH[role] ?? [])].filter((path) => again || !seen[scheme].has(path))) {
      seen[scheme].add(path);
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(new URL(path, world.url).href);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.getByText("Loading …").first().waitFor({ state: "detached" });
      await page.waitForTimeout(400);
      expect(await page.locator(".failure").allTextContents(), `${path} shows what it is for`).toEqual([]);
      expect(await axe(page), `${path} in ${scheme}`).toEqual([]);
      expect(await overflow(page), `${path} at 1280`).toBe(0);
      const name = `${role}${path.replace(/\W+/g, "-").replace(/-$/, "")}`;
      await shot(page, `${name}-${scheme}`);
      await page.setViewportSize(PHONE);
      await page.waitForTimeout(200);
      expect(await overflow(page), `${path} on a phone`).toBe(0);
      if (scheme === "light") await shot(page, `${name}-phone`);
    }
    expect(faults).toEqual([]);
    await page.close();
  },
);
