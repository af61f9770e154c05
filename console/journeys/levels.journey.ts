// Levels: what lies above a session is absent everywhere; what goes down is asked by one and signed by two others.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { axe, banner, launch, open, shot, signIn } from "./browser";
import { World, content, type IssuedKey } from "./world";

let world: World;
let browser: Browser;
const keys: Record<string, IssuedKey> = {};
const SECRET = "SECRET//NOFORN";

beforeAll(async () => {
  [world, browser] = await Promise.all([World.start({ range: ["UNCLASSIFIED", "SECRET"] }), launch()]);
  for (const [name, role, label] of [
    ["ana", "mission-owner", "SECRET"],
    ["ben", "mission-owner", "UNCLASSIFIED"],
    ["olga", "security-officer", "SECRET"],
    ["omar", "security-officer", "SECRET"],
    ["low", "security-officer", "UNCLASSIFIED"],
    ["pat", "platform-operator", "UNCLASSIFIED"],
  ] as const) {
    keys[name] = await world.person(name, role, label);
  }
  const [ana, ben] = [await world.s3(keys.ana), await world.s3(keys.ben)];
  await ana.request({ method: "PUT", bucket: "plans" });
  await ana.request({ method: "PUT", bucket: "plans", key: "plan.txt", body: "the plan\n", headers: { "content-type": "text/plain" } });
  await ben.request({ method: "PUT", bucket: "press" });
  await ben.request({ method: "PUT", bucket: "press", key: "old.bin", body: content(1, 4 << 20) });
  // Where something is released to is written by who asks.
  await world.cli("grant", "set", "press", "write", "--to", "ana", "--label", "UNCLASSIFIED", ...world.officer);
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

async function as(name: string, path = "/"): Promise<{ page: Page; faults: string[] }> {
  const { page, faults } = await open(browser, world.url);
  await signIn(page, keys[name] as IssuedKey, { keep: true });
  if (path !== "/") await page.goto(world.url + path);
  return { page, faults };
}

const words = async (page: Page) => (await page.locator("body").innerText()) + (await page.title());

test("what lies above a session is nowhere in it", async () => {
  const { page, faults } = await as("ben", "/buckets");
  await page.getByRole("link", { name: "press" }).waitFor();
  expect(await words(page)).not.toMatch(/plans|SECRET/);

  // By its address, and by one of a bucket that there is not: the same words.
  const told: string[] = [];
  for (const bucket of ["plans", "none1"]) {
    await page.goto(`${world.url}/buckets/${bucket}`);
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("button", { name: /^Upload/ }).count(), "nothing can be put where nothing is").toBe(0);
    expect(await page.getByRole("alert").getByRole("link", { name: "These are the buckets there are." }).getAttribute("href")).toBe("/buckets");
    told.push((await words(page)).replaceAll(bucket, "BUCKET"));
    await page.goto(`${world.url}/buckets/${bucket}/object?key=plan.txt`);
    await page.getByRole("alert").first().waitFor();
    told.push((await words(page)).replaceAll(bucket, "BUCKET"));
  }
  expect(told[0]).toBe(told[2]);
  expect(told[1]).toBe(told[3]);

  await page.goto(`${world.url}/explain?action=GetObject&bucket=plans&key=plan.txt`);
  await page.getByText("not allowed").waitFor();
  expect(await words(page)).not.toMatch(/SECRET/);
  await page.goto(`${world.url}/releases`);
  await page.getByText("You have asked for no release").waitFor();
  expect(await words(page)).not.toMatch(/SECRET|plan\.txt/);
  expect(faults).toEqual([]);
  await page.close();

  // Nor for an officer whose session lies below.
  const low = await as("low", "/people");
  await low.page.getByRole("link", { name: "ben" }).waitFor();
  for (const path of ["/people", "/keys", "/labels", "/releases", "/roles"]) {
    await low.page.goto(world.url + path);
    await low.page.getByRole("heading", { level: 1 }).waitFor();
    // The network is never idle: what goes on is followed.
    await low.page.getByText("Loading …").first().waitFor({ state: "detached" });
    await low.page.waitForTimeout(500);
    expect(await words(low.page), path).not.toMatch(/\bana\b|olga|SECRET/);
  }
  expect(low.faults).toEqual([]);
  await low.page.close();
});

test("an operator below sees the sites and their own moves, and nothing of what lies above", async () => {
  const { page, faults } = await as("pat", "/buckets/press/placement");
  // A third copy finds no place: what is asked for stays under way.
  for (const site of ["google", "oracle"]) await world.cli("site", "suspend", site);
  await page.getByLabel(/^mirror-3/).check();
  await page.getByRole("button", { name: "Plan the move to mirror-3" }).click();
  const plan = page.getByRole("dialog", { name: "Move press to mirror-3" });
  await plan.getByText("Stored then").waitFor();
  await plan.getByRole("textbox").fill("press");
  await plan.getByRole("button", { name: "Move it" }).click();
  await page.getByText("How far it is, is told to whoever sees all labels.").waitFor();
  for (const path of ["/buckets", "/", "/sites", "/sites/google", "/durability", "/adoptions"]) {
    await page.goto(world.url + path);
    await page.locator("h1").waitFor();
    await page.getByText("Loading …").first().waitFor({ state: "detached" });
    await page.waitForTimeout(500);
    // What cannot be told apart by label says so in plain words: nothing is broken.
    expect(await page.locator(".failure").allTextContents(), path).toEqual([]);
    expect(await banner(page), path).toBe(keys.pat?.label);
    const said = await words(page);
    expect(said, path).not.toMatch(/plans|plan\.txt|\bana\b|olga|SECRET/);
    if (path === "/buckets") expect(said, "whose the bucket is").toMatch(/\bben\b/);
    if (path === "/buckets") expect(said).toContain("How far it is, is told to whoever sees all labels.");
    if (path === "/") expect(said.match(/Not told at this label/g)?.length, "neither the door nor what it costs").toBe(2);
    if (path.startsWith("/sites")) expect(said, `${path} does not say that nothing was measured`).toContain("Not told at this label");
    if (path === "/durability") expect(said).toContain("A repair is of all labels together");
    if (path === "/sites/google") {
      await page.getByRole("button", { name: "Evacuate" }).click();
      const leave = page.getByRole("dialog", { name: "Evacuate google" });
      await leave.getByText("an evacuation is begun by one of those").waitFor();
      expect(await leave.getByRole("alert").count(), path).toBe(0);
      await leave.getByRole("textbox").fill("google");
      expect(await leave.getByRole("button", { name: "Evacuate" }).isDisabled(), "nobody leaves a site without a plan").toBe(true);
    }
  }
  for (const site of ["google", "oracle"]) await world.cli("site", "activate", site);
  // What is not told is not said to be well.
  await page.goto(world.url);
  const verdict = page.getByRole("region", { name: "How the system is" });
  await verdict.getByText("All sites are well", { exact: true }).waitFor();
  await verdict.getByText("is told to whoever sees all labels").waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("navigation shows what the session's duties allow, and no more", async () => {
  const shown = async (name: string) => {
    const { page } = await as(name);
    const links = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allInnerTexts();
    await page.close();
    return links.map((link) => link.trim());
  };
  const ana = await shown("ana");
  expect(ana).toContain("Buckets");
  expect(ana).not.toContain("People");
  const olga = await shown("olga");
  expect(olga).toContain("People");
  expect(olga).not.toContain("Moving in");
});

test("a regrade is asked by one, looked at and signed by two others, and then it is there", async () => {
  const ana = await as("ana", "/buckets/plans/object?key=plan.txt");
  await ana.page.getByRole("link", { name: "Ask for a release to a lower label" }).click();
  const dialog = ana.page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "To the label" }).click();
  await ana.page.getByRole("option", { name: "UNCLASSIFIED", exact: true }).click();
  await dialog.getByLabel("Into the bucket").fill("press");
  await dialog.getByLabel("Why").fill("declassified by order 7");
  await dialog.getByRole("button", { name: "Ask for it" }).click();
  await ana.page.getByRole("heading", { name: "Release", exact: true, level: 1 }).waitFor();
  await ana.page.getByText("waits for 2 signatures").waitFor();
  expect(await ana.page.getByRole("button", { name: "Sign …" }).count(), "who asks does not sign").toBe(0);

  for (const [name, next] of [
    ["olga", "waits for one more signature"],
    ["omar", "done"],
  ] as const) {
    const officer = await as(name, "/releases");
    await officer.page.getByText("waits for you").waitFor();
    await officer.page.getByRole("link", { name: /plan\.txt/ }).click();
    const sign = officer.page.getByRole("button", { name: "Sign …" });
    expect(await sign.isDisabled(), "nobody signs what they have not seen").toBe(true);
    await officer.page.getByRole("button", { name: "Look at the content" }).click();
    await officer.page.getByRole("region", { name: "The text" }).getByText("the plan").waitFor();
    if (name === "olga") {
      await shot(officer.page, "release");
      expect(await axe(officer.page)).toEqual([]);
    }
    await sign.click();
    const confirm = officer.page.getByRole("dialog");
    const deed = confirm.getByRole("button", { name: "Sign", exact: true });
    expect(await deed.isDisabled(), "the word is asked for").toBe(true);
    await confirm.getByRole("textbox").fill("UNCLASSIFIED");
    await deed.click();
    await officer.page.getByText(next, { exact: true }).first().waitFor();
    expect(officer.faults).toEqual([]);
    await officer.page.close();
  }

  const ben = await as("ben", "/buckets/press/object?key=plan.txt");
  await ben.page.getByRole("region", { name: "The text" }).getByText("the plan").waitFor();
  expect(await words(ben.page)).not.toContain(SECRET);
  await ben.page.close();

  // Another one is taken back: by its word, since it ends for good.
  await ana.page.goto(`${world.url}/releases?ask=1&bucket=plans&key=plan.txt`);
  await dialog.getByRole("combobox", { name: "To the label" }).click();
  await ana.page.getByRole("option", { name: "UNCLASSIFIED", exact: true }).click();
  await dialog.getByLabel("Into the bucket").fill("press");
  await dialog.getByLabel("Under the name").fill("again.txt");
  await dialog.getByLabel("Why").fill("once more");
  await dialog.getByRole("button", { name: "Ask for it" }).click();
  await ana.page.getByRole("button", { name: "Take it back …" }).click();
  const ending = ana.page.getByRole("dialog", { name: "Take the release back" });
  expect(await ending.getByRole("button", { name: "Take it back" }).isDisabled(), "the word is asked for").toBe(true);
  await ending.getByLabel("Type take back to go on").fill("take back");
  await ending.getByRole("button", { name: "Take it back" }).click();
  await ana.page.getByText("taken back by ana").waitFor();
  expect(ana.faults).toEqual([]);
  await ana.page.close();
});
