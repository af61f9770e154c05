// No mouse: signing in, going from page to page, and out again.

import type { Page } from "playwright-core";
import { expect } from "vitest";

import { open } from "./browser";
import { test } from "./stage";

const focused = (page: Page) =>
  page.evaluate(() => {
    const at = document.activeElement;
    return at?.getAttribute("aria-label") ?? at?.textContent ?? "";
  });

/** Tab until this has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let pressed = 0; pressed < 40; pressed++) {
    if ((await focused(page)).startsWith(name)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no Tab leads to ${name}`);
}

test("everything between signing in and out can be done with a keyboard alone", async ({ world, browser }) => {
  const operator = await world.person("pat", "platform-operator");
  const { page, faults } = await open(browser, world.url);
  await page.getByLabel("Access key").waitFor();
  await page.keyboard.type(operator.accessKey);
  await page.keyboard.press("Tab");
  await page.keyboard.type(operator.secret);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();

  await tabTo(page, "Vendors and sites");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Vendors and sites", level: 1 }).waitFor();
  expect(await focused(page), "a page that is come to has the focus").toBe("Vendors and sites");

  await tabTo(page, "google");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "google", level: 1 }).waitFor();
  await tabTo(page, "Suspend");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(await focused(page), "a dialog gives the focus back").toBe("Suspend");

  // The browser's own key for it is not there without a window.
  await page.goBack();
  await page.getByRole("heading", { name: "Vendors and sites", level: 1 }).waitFor();
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await tabTo(page, "Signed in as pat");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await tabTo(page, "Sign out");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  expect(faults).toEqual([]);
});
