// The same over the vendors' own kinds of stores: each by the real program that stands for it.

import { readFileSync } from "node:fs";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { S3 } from "../src/s3/client";
import { Signer } from "../src/sign/sigv4";
import { launch, makeBucket, open, putFile, shot, signIn } from "./browser";
import { Standins } from "./standins";
import { tornAway } from "./tearing";
import { type Key, World, content } from "./world";

/** The one that there is, where no range is configured. */
const LABEL = "UNCLASSIFIED";
// A journey cannot wait half a minute for each return.
const LIMITS = '[limits]\nreenter_after = "2 s"\n';
const VENDORS = ["amazon", "microsoft", "google", "oracle"];
let standins: Standins;
let world: World;
let browser: Browser;
let owner: Key;
beforeAll(async () => {
  [standins, browser] = await Promise.all([Standins.start(), launch()]);
  world = await World.start({ vendors: standins.tables + LIMITS });
  owner = await world.person("ana", "mission-owner", LABEL);
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
  await standins?.stop();
});

test("from the first start to a first file that is seen at four vendors' own stores", async () => {
  const { page, faults } = await open(browser, world.url);
  await signIn(page, owner, { keep: true });
  await page.getByText("No bucket yet").waitFor();
  await makeBucket(page, world.url, "first-light");
  const [size, before] = [3_000_000, VENDORS.map((vendor) => standins.bytes(vendor))];
  await putFile(page, "light.bin", content(1, size));
  await page.getByRole("region", { name: "Uploads" }).getByText("there", { exact: true }).waitFor();
  await page.getByRole("table").getByRole("link", { name: "light.bin" }).click();
  await page.getByText("It survives the loss of any two vendors.").waitFor();
  expect(await page.getByRole("button", { name: new RegExp(`^(${VENDORS.join("|")})`) }).count()).toBe(VENDORS.length);
  await shot(page, "object-vendors");
  // Any two of them have enough to bring it back, so each holds half of it: their own files say so as well.
  VENDORS.forEach((vendor, index) => expect(standins.bytes(vendor) - (before[index] ?? 0), vendor).toBeGreaterThanOrEqual(size / 2));
  expect(faults).toEqual([]);
  await page.close();
});

// One whose program is gone refuses at once; one that hangs is out when what it was asked has waited long enough, which is looked
// at with `ENTENTE_FULL=1`.
const gone = ["google", "kill", "start", 5] as const;
const hangs = ["amazon", "freeze", "thaw", 30] as const;
for (const [site, tear, putBack, within] of process.env.ENTENTE_FULL === "1" ? [gone, hangs] : [gone]) {
  test(`a vendor whose program is told to ${tear} shows within ${within} s, everything goes on, and its return shows too`, async () => {
    const operator = await world.person(`pat-${site}`, "platform-operator", LABEL);
    const deeds = { tear: () => standins.tell(tear, site), putBack: () => standins.tell(putBack, site) };
    await tornAway({ world, browser, operator, owner, site, name: `torn-${tear}`, within, ...deeds });
  });
}

test("what failed at a site is drawn, and a site that is added on the page takes new writes at once", async () => {
  // A second bucket at the program that stands for Amazon.
  const amazon = standins.tables.split("[[site]]").find((table) => table.includes('name = "amazon"')) ?? "";
  const told = (setting: string) => new RegExp(`^${setting} = "(.+)"$`, "m").exec(amazon)?.[1] ?? "";
  const [, accessKey = "", secret = ""] = /aws_access_key_id = (\S+)\s+aws_secret_access_key = (\S+)/.exec(readFileSync(told("credentials"), "utf8")) ?? [];
  const store = new S3(await Signer.of(accessKey, secret), told("endpoint"), told("region"));
  await store.request({ method: "PUT", bucket: "cellar" });

  const { page, faults } = await open(browser, world.url);
  await signIn(page, await world.person("pat", "platform-operator", LABEL), { keep: true });
  await page.goto(`${world.url}/sites/google`);
  await page.getByRole("img", { name: /^Errors of sites\. errors: \d+ last, [1-9]\d* at most$/ }).locator("canvas").waitFor();

  await page.goto(`${world.url}/sites/add`);
  await page.getByLabel("Vendor", { exact: true }).selectOption("own");
  const said = { Name: "hall-e", Region: told("region"), Bucket: "cellar", Endpoint: told("endpoint"), "Credentials file": told("credentials") };
  for (const [label, text] of Object.entries(said)) await page.getByLabel(label, { exact: true }).fill(text);
  const panel = page.getByRole("region", { name: "3. Check it" });
  await panel.getByRole("button", { name: "Check it now" }).click();
  await panel.getByText("It works", { exact: true }).waitFor();
  expect(await panel.getByRole("row", { name: /Well$/ }).count(), "every step").toBe(6);
  await panel.getByRole("button", { name: "Add it to the settings" }).click();
  await panel.getByText("hall-e is in use").waitFor();
  await shot(page, "sites-added-light");
  expect(await world.cli("status")).toMatch(/hall-e/);

  // Of five vendors a file lies at four: of some files it is one.
  const s3 = await world.s3(owner);
  for (let index = 0; index < 6; index++) {
    await s3.request({ method: "PUT", bucket: "first-light", key: `new/${index}`, body: content(index, 1_000_000) });
    expect((await (await s3.request({ method: "GET", bucket: "first-light", key: `new/${index}` })).arrayBuffer()).byteLength).toBe(1_000_000);
  }
  const there = await (await store.request({ method: "GET", bucket: "cellar", query: { "list-type": "2" } })).text();
  expect(there.match(/<Size>\d{6,}<\/Size>/g)?.length ?? 0, "large pieces").toBeGreaterThan(0);
  await page.goto(`${world.url}/sites/hall-e`);
  await page.getByText("It takes reads and writes.").waitFor();
  expect(faults).toEqual([]);
  await page.close();
});
