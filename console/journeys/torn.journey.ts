// A vendor is torn away while the overview is open.

import { expect } from "vitest";

import { open, shot, signIn } from "./browser";
import { test } from "./stage";
import { load } from "./world";

test("a vendor that is torn away shows within five seconds, everything goes on, and its return shows too", async ({ world, browser }) => {
  const operator = await world.person("pat", "platform-operator");
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "torn" });
  const { page, faults } = await open(browser, world.url);
  await signIn(page, operator);
  await page.getByText("All is well").waitFor();
  const work = load(s3, "torn");
  await page.waitForTimeout(1_000);

  const putBack = world.tear("google");
  const before = Date.now();
  await page.getByText("Working without google").waitFor({ timeout: 5_000 });
  const took = Date.now() - before;
  const row = page.getByRole("listitem").filter({ has: page.getByRole("link", { name: "google" }) });
  // Whichever side was asked first is out first.
  await row.getByText(/^(Out|Reads out|Writes out)$/).waitFor();
  await shot(page, "overview-torn-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(page, "overview-torn-dark");

  await page.waitForTimeout(2_000);
  putBack();
  await page.getByText("Working without google").waitFor({ state: "detached", timeout: 90_000 });
  const done = await work.stop();
  expect(done).toBeGreaterThan(10);
  expect(faults).toEqual([]);
  console.log(`shown after ${took} ms; ${done} puts and gets meanwhile, none failed`);
});
