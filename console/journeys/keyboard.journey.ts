// No mouse: signing in, going from page to page, a form, an upload, a typed word, and out again.

import type { Page } from "playwright-core";
import { expect } from "vitest";

import { open } from "./browser";
import { test } from "./stage";
import type { Key } from "./world";

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

async function signInByKeys(page: Page, { accessKey, secret }: Key): Promise<void> {
  await page.getByLabel("Access key").waitFor();
  await page.keyboard.type(accessKey);
  await page.keyboard.press("Tab");
  await page.keyboard.type(secret);
  await page.keyboard.press("Enter");
  await page.locator("main#main").waitFor();
}

async function signOutByKeys(page: Page, name: string): Promise<void> {
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await tabTo(page, `Signed in as ${name}`);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await tabTo(page, "Sign out");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
}

test("an operator signs in, goes from page to page, and out again with a keyboard alone", async ({ world, browser }) => {
  const operator = await world.person("pat", "platform-operator");
  const { page, faults } = await open(browser, world.url);
  await signInByKeys(page, operator);
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
  await signOutByKeys(page, "pat");
  expect(faults).toEqual([]);
});

test("an owner makes a bucket, puts a file into it and deletes it by its typed name with a keyboard alone", async ({ world, browser }) => {
  const { page, faults } = await open(browser, world.url);
  // Heard from the start on: a key is quicker than the browser is told that its own dialog is not to open.
  page.on("filechooser", () => undefined);
  await signInByKeys(page, world.owner);
  await tabTo(page, "New bucket");
  await page.keyboard.press("Enter");
  const form = page.getByRole("dialog", { name: "New bucket" });
  await form.waitFor();
  await expect.poll(() => form.getByLabel("Name").evaluate((field) => field === document.activeElement), { message: "a form begins at its first field" }).toBe(true);
  await page.keyboard.type("by-hand");
  // The versions are kept unless a switch says otherwise: it is turned by its own key.
  for (let pressed = 0; pressed < 20 && !(await form.getByLabel("Keep versions").evaluate((field) => field === document.activeElement)); pressed++) await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  expect(await form.getByLabel("Keep versions").isChecked()).toBe(false);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "by-hand", level: 1 }).waitFor();
  await page.getByText("Nothing here yet").waitFor();

  await tabTo(page, "Upload files");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  await chooser.setFiles({ name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("by hand\n") });
  const row = page.getByRole("table").getByRole("link", { name: "note.txt" });
  await row.waitFor();
  await row.blur();
  await tabTo(page, "note.txt");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "The text" }).getByText("by hand").waitFor();
  await tabTo(page, "Delete …");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete the object" });
  await dialog.waitFor();
  await expect.poll(() => dialog.getByRole("textbox").evaluate((field) => field === document.activeElement), { message: "the word is typed at once" }).toBe(true);
  await page.keyboard.type("note.tx");
  expect(await dialog.getByRole("button", { name: "Delete the object" }).isDisabled(), "half a word is none").toBe(true);
  await page.keyboard.press("Enter");
  await page.keyboard.type("t");
  await page.keyboard.press("Enter");
  await page.getByText("Nothing here yet").waitFor();
  await signOutByKeys(page, "owner");
  expect(faults).toEqual([]);
  await page.close();
});
