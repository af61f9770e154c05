// A vendor is torn away while the overview is open, however that is done.

import type { Browser } from "playwright-core";
import { expect } from "vitest";

import { open, shot, signIn } from "./browser";
import { type Key, type World, load } from "./world";

interface Torn {
  world: World;
  browser: Browser;
  operator: Key;
  /** Whose bucket is written to meanwhile. */
  owner: Key;
  site: string;
  /** In how many seconds it shows. */
  within?: number;
  /** What its pictures are called. */
  name: string;
  tear: () => unknown;
  putBack: () => unknown;
}

/** It shows, within five seconds unless it is told otherwise, everything goes on, and its return shows too. */
export async function tornAway({ world, browser, operator, owner, site, within = 5, name, tear, putBack }: Torn): Promise<void> {
  const s3 = await world.s3(owner);
  await s3.request({ method: "PUT", bucket: name });
  await s3.request({ method: "PUT", bucket: name, key: "first", body: new Uint8Array(4096) });
  // Who asks for it has everything counted.
  await world.cli("durability");
  const { page, faults } = await open(browser, world.url);
  await signIn(page, operator);
  await page.getByText("All is well").waitFor();
  const outlived = page.getByRole("table", { name: /how many more vendors/ });
  await outlived.getByText("2 more vendors").waitFor();
  const work = load(s3, name);
  await page.waitForTimeout(1_000);

  await tear();
  const before = Date.now();
  await page.getByText(`Working without ${site}`).waitFor({ timeout: within * 1_000 });
  const took = Date.now() - before;
  // What is out counts as lost.
  await outlived.getByText("1 more vendor").waitFor({ timeout: within * 1_000 });
  const row = page.getByRole("listitem").filter({ has: page.getByRole("link", { name: site }) });
  // Whichever side was asked first is out first.
  await row.getByText(/^(Out|Reads out|Writes out)$/).waitFor();
  await shot(page, `overview-${name}-light`);
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(page, `overview-${name}-dark`);

  await page.waitForTimeout(2_000);
  await putBack();
  await page.getByText(`Working without ${site}`).waitFor({ state: "detached", timeout: 90_000 });
  await outlived.getByText("2 more vendors").waitFor();
  const done = await work.stop();
  expect(done).toBeGreaterThan(5);
  // What was asked meanwhile is drawn, and was answered.
  for (const said of [/^Requests each second\. requests: .+, (?!0\/s)\S+\/s at most$/, /^Latency\. half within: [\d.]+ m?s last, .+; 99 of 100 within: [\d.]+ m?s last/, /^Errors each second\. errors: 0\/s last, 0\/s at most$/]) {
    await page.getByRole("img", { name: said }).locator("canvas").waitFor();
  }
  expect(faults).toEqual([]);
  await page.close();
  console.log(`${site}: shown after ${took} ms; ${done} puts and gets meanwhile, none failed`);
}
