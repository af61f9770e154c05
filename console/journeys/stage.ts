// What a journey needs: an enclave of its own and a browser, for all the tests of a file.

import type { Browser } from "playwright-core";
import { test as plain } from "vitest";

import { launch } from "./browser";
import { World } from "./world";

interface Stage {
  world: World;
  browser: Browser;
}

export const test = plain.extend<{ $file: Stage }>({
  world: [
    async ({}, use) => {
      const world = await World.start();
      await use(world);
      await world.stop();
    },
    { scope: "file" },
  ],
  browser: [
    async ({}, use) => {
      const browser = await launch();
      await use(browser);
      await browser.close();
    },
    { scope: "file" },
  ],
});
