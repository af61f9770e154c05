// A mission owner's first hour: a bucket, a file at four vendors, versions, a link for a stranger, hostile names.

import { readdirSync } from "node:fs";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { sideBySide } from "../src/pages/buckets/upload";
import { axe, launch, makeBucket, open, overflow, putFile, shot, signIn } from "./browser";
import { World, content } from "./world";

/** A picture of one pixel. */
const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=", "base64");

let world: World;
let browser: Browser;
beforeAll(async () => {
  [world, browser] = await Promise.all([World.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

test("from the first start to a first file that is seen at four vendors", async () => {
  const { page, faults } = await open(browser, world.url);
  await signIn(page, world.owner, { keep: true });
  await page.getByText("No bucket yet").waitFor();
  await shot(page, "buckets-empty");
  await makeBucket(page, world.url, "first-light");
  await page.getByText("Nothing here yet").waitFor();

  await putFile(page, "light.bin", content(1, 3_000_000));
  await page.getByRole("region", { name: "Uploads" }).getByText("there", { exact: true }).waitFor();
  await page.getByRole("table").getByRole("link", { name: "light.bin" }).click();
  await page.getByText("It survives the loss of any two vendors.").waitFor();
  const vendors = page.getByRole("button", { name: /^(amazon|microsoft|google|oracle)/ });
  expect(await vendors.count()).toBe(4);
  const s3 = await world.s3();
  const stored = await (await s3.request({ method: "GET", bucket: "first-light", key: "light.bin" })).arrayBuffer();
  expect(Buffer.compare(Buffer.from(stored), Buffer.from(content(1, 3_000_000))), "what the page sent is what is stored").toBe(0);
  for (const site of ["amazon", "microsoft", "google", "oracle"]) {
    const there = readdirSync(world.site(site), { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    expect(there.length, `pieces at ${site}`).toBeGreaterThan(0);
  }

  // Two of them taken away, in thought, leave it readable; three do not.
  for (const vendor of ["amazon", "google"]) await page.getByRole("button", { name: new RegExp(`^${vendor}`) }).click();
  await page.getByText("it can still be read").waitFor();
  await page.getByRole("button", { name: /^oracle/ }).click();
  await page.getByText("it could not be read").waitFor();
  await page.getByRole("button", { name: "Put all back" }).click();
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await shot(page, `object-${scheme}`);
    expect(await axe(page)).toEqual([]);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => overflow(page)).toBe(0);
  await shot(page, "object-390");
  expect(faults).toEqual([]);
  await page.close();
});

test("what was overwritten is restored by a copy, and what was deleted is brought back", async () => {
  const { page, faults } = await open(browser, world.url);
  await signIn(page, world.owner, { keep: true });
  await makeBucket(page, world.url, "kept");
  const tray = page.getByRole("region", { name: "Uploads" });
  await putFile(page, "note.txt", "the first words\n");
  await tray.getByText("there", { exact: true }).first().waitFor();
  await putFile(page, "note.txt", "other words\n");
  await expect.poll(() => tray.getByText("there", { exact: true }).count()).toBe(2);
  await page.getByRole("table").getByRole("link", { name: "note.txt" }).click();
  await page.getByText("other words").waitFor();

  await page.getByRole("button", { name: /^Restore the version/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restore it" }).click();
  await page.getByText("the first words").waitFor();
  await expect.poll(() => page.getByRole("button", { name: /^Restore the version/ }).count()).toBe(2);
  await shot(page, "versions");

  await page.getByRole("button", { name: "Delete …" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("note.txt");
  await page.getByRole("dialog").getByRole("button", { name: "Delete the object" }).click();
  await page.getByText("Nothing here yet").waitFor();
  await page.getByLabel("Older versions and deleted ones").check();
  await page.getByRole("row", { name: /note\.txt.*deleted/ }).getByRole("link").click();
  await page.getByRole("button", { name: "Bring it back" }).click();
  await page.getByText("the first words").waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("a bucket of more than a page is turned page by page and jumped about in, and the address keeps the place", async () => {
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "leaves" });
  const names = Array.from({ length: 230 }, (_, index) => `leaf-${String(index).padStart(3, "0")}`);
  await sideBySide(names, 16, new AbortController().signal, async (key) => void (await s3.request({ method: "PUT", bucket: "leaves", key, body: key })));
  const { page, faults } = await open(browser, world.url);
  await signIn(page, world.owner, { keep: true });
  await page.goto(`${world.url}/buckets/leaves`);
  const [table, turn] = [page.getByRole("table"), (to: string) => page.getByRole("button", { name: to, exact: true })];
  const shows = async (said: string, expected: string[]) => {
    await page.getByText(said).waitFor();
    expect(await table.getByRole("link").allInnerTexts()).toEqual(expected);
  };
  await shows("200 rows on this page, 1.6 kB", names.slice(0, 200));
  expect(await turn("Previous page").or(turn("First page")).count(), "nothing is before it").toBe(0);
  await turn("Next page").click();
  await shows("30 rows on this page, the last one", names.slice(200));
  expect(await turn("Next page").count(), "nothing is after it").toBe(0);
  await page.reload();
  await shows("30 rows on this page, the last one", names.slice(200));
  await turn("First page").click();
  await shows("200 rows on this page", names.slice(0, 200));
  await turn("Next page").click();
  await turn("Previous page").click();
  await shows("200 rows on this page", names.slice(0, 200));

  const jump = page.getByPlaceholder("begins with …");
  await jump.fill("leaf-21");
  await jump.press("Enter");
  await shows("10 rows on this page", names.slice(210, 220));
  await page.reload();
  await shows("10 rows on this page", names.slice(210, 220));
  expect(await jump.inputValue(), "what it begins with").toBe("leaf-21");
  await putFile(page, "one.txt", "one\n");
  await page.getByRole("region", { name: "Uploads" }).getByText("there", { exact: true }).waitFor();
  expect((await s3.request({ method: "HEAD", bucket: "leaves", key: "one.txt" })).status, "it lies in the folder, and not behind what was typed").toBe(200);
  await page.goBack();
  await shows("200 rows on this page", names.slice(0, 200));
  expect(faults).toEqual([]);
  await page.close();
});

test("a link is opened by a stranger, until it expires and for this object alone", async () => {
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "shared" });
  await s3.request({ method: "PUT", bucket: "shared", key: "for you.txt", body: "come in" });
  const { page, faults } = await open(browser, world.url);
  await signIn(page, world.owner, { keep: true });
  await page.goto(`${world.url}/buckets/shared/object?key=for%20you.txt`);
  await page.getByRole("button", { name: "Share …" }).click();
  await page.getByText(`It leads to ${world.ready.s3_endpoint} and opens on this machine alone.`).waitFor();
  await page.getByRole("button", { name: "Make the link" }).click();
  const link = (await page.getByRole("region", { name: "the link" }).textContent())?.trim() ?? "";
  expect(new URL(link).searchParams.get("X-Amz-Expires")).toBe("3600");

  const got = await fetch(link);
  expect([got.status, await got.text()]).toEqual([200, "come in"]);
  expect((await fetch(link, { method: "DELETE" })).status).toBe(403);
  expect((await fetch(link.replace("for%20you", "for%20me"))).status).toBe(403);
  expect((await fetch(link.replace("Expires=3600", "Expires=36000"))).status).toBe(403);
  expect(faults).toEqual([]);
  await page.close();
});

test("hostile names and bytes are text, and nothing of them runs", async () => {
  const s3 = await world.s3();
  await s3.request({ method: "PUT", bucket: "hostile" });
  const script = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">";
  const names = ["invoice\u202efdp.exe", "<img src=x onerror=document.title='taken'>.html", "a\nb", "x".repeat(1000), "\u0007bell", " ends "];
  for (const key of names) {
    await s3.request({ method: "PUT", bucket: "hostile", key, body: script, headers: { "content-type": "text/html" } });
  }
  const { page, faults } = await open(browser, world.url);
  await signIn(page, world.owner, { keep: true });
  await page.goto(`${world.url}/buckets/hostile`);
  await page.getByText("U+202E").waitFor();
  await page.getByText("U+000A").waitFor();
  await page.getByText("U+0007").waitFor();
  expect(await page.locator("table img, table script").count()).toBe(0);
  expect(await overflow(page), "a long name stays in its place").toBe(0);
  await shot(page, "hostile-names");

  await page.getByRole("link", { name: /invoice/ }).click();
  await page.getByRole("region", { name: "The text" }).getByText("<script>").waitFor();
  expect(await page.title()).toContain("⟨U+202E⟩");
  expect(await page.locator("main img, main iframe, main script").count()).toBe(0);
  await page.goBack();
  await page.getByRole("link", { name: /onerror/ }).click();
  await page.getByRole("region", { name: "The text" }).waitFor();
  expect(await page.title()).not.toBe("taken");
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => overflow(page)).toBe(0);

  // An image is drawn, whatever its name and type say; what is only called one is not.
  for (const [key, body, type] of [["pixel.jpg", PIXEL, "text/html"], ["script.png", script, "image/png"]] as const) {
    await s3.request({ method: "PUT", bucket: "hostile", key, body, headers: { "content-type": type } });
  }
  await page.goto(`${world.url}/buckets/hostile/object?key=pixel.jpg`);
  const image = page.getByRole("img", { name: "The object, as an image" });
  await expect.poll(() => image.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1);
  await page.goto(`${world.url}/buckets/hostile/object?key=script.png`);
  await page.getByText("it is called an image and is none").waitFor();
  expect(await image.count()).toBe(0);
  expect(faults).toEqual([]);
  await page.close();
});
