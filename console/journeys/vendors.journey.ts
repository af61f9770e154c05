// The same over the vendors' own kinds of stores: each by the real program that stands for it.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

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
