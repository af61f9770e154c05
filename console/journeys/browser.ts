// A browser, and what every journey asks of it.

import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";

import { type Browser, type Page, chromium } from "playwright-core";

import type { Key } from "./world";

const SHOTS = process.env.CONSOLE_SHOTS ?? new URL("../../target/console", import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export type Scheme = "light" | "dark";

export async function launch(): Promise<Browser> {
  // Chromium's own sandbox wants a user who is not root, which tests often run as.
  const args = ["--no-sandbox"];
  // A page that is put in place of the binary's own comes from nowhere, and may not reach this machine otherwise.
  if (process.env.CONSOLE_DIST) args.push("--disable-features=LocalNetworkAccessChecks");
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
}

export interface Opened {
  page: Page;
  /** What went wrong that no page says: errors of scripts, and what the policy forbade. */
  faults: string[];
}

export async function open(browser: Browser, url: string, { scheme = "light", width = 1280, height = 900 }: { scheme?: Scheme; width?: number; height?: number } = {}): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (said) => {
    // A refused request is told on the page; a refused style or script is told here alone.
    if (said.type() === "error" && /Content Security Policy|violates/i.test(said.text())) faults.push(said.text());
  });
  if (process.env.CONSOLE_DIST) await serveFrom(page, url, process.env.CONSOLE_DIST);
  await page.goto(url);
  return { page, faults };
}

/** The page as it was just built, at the address of a binary that holds an older one: its policy is kept. */
async function serveFrom(page: Page, url: string, dist: string): Promise<void> {
  const answer = await fetch(url);
  const policy = answer.headers.get("content-security-policy") ?? "";
  const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
  await page.route(`${new URL(url).origin}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.startsWith("/api/")) return route.continue();
    const named = join(dist, pathname);
    const file = existsSync(named) && statSync(named).isFile() ? named : join(dist, "index.html");
    const headers = { "content-security-policy": policy, "content-type": types[extname(file)] ?? "application/octet-stream" };
    return route.fulfill({ body: readFileSync(file), headers });
  });
}

export async function signIn(page: Page, key: Key, { keep = false } = {}): Promise<void> {
  await page.getByLabel("Access key").fill(key.accessKey);
  await page.getByRole("textbox", { name: "Secret key" }).fill(key.secret);
  if (keep) await page.getByLabel("Keep the key in this tab").check();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("main#main").waitFor();
}

export async function makeBucket(page: Page, url: string, name: string): Promise<void> {
  await page.goto(`${url}/buckets`);
  await page.getByRole("button", { name: "New bucket" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("button", { name: "Make the bucket" }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
}

/** Uploads a file of this name into the bucket that is open. */
export async function putFile(page: Page, name: string, body: string | Uint8Array): Promise<void> {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Upload files" }).click()]);
  const mimeType = name.endsWith(".txt") ? "text/plain" : "application/octet-stream";
  await chooser.setFiles({ name, mimeType, buffer: Buffer.from(body) });
}

export async function shot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  // What sticks to the top would be drawn in the middle.
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

interface Violation {
  id: string;
  impact: string | null;
  help: string;
  nodes: { target: unknown; failureSummary?: string }[];
}

/** What axe calls serious or critical on the page as it is now. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: (where: Document) => Promise<{ violations: Violation[] }> } };
    return (await axe.run(document)).violations;
  });
  const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
  return serious.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${JSON.stringify(target)} ${failureSummary ?? ""}`));
}

/** What the banner says, which is at the top of every page and within the window. */
export async function banner(page: Page): Promise<string> {
  const place = page.locator(".banner");
  const box = await place.boundingBox();
  if (!box || box.y !== 0 || box.height === 0) throw new Error(`the label is not at the top of the window: ${JSON.stringify(box)}`);
  return place.innerText();
}

/** As wide as a phone, or less. */
const NARROW = 480;

/**
 * How far the page is wider than its window; on a phone also how far a table or what a button says is cut, and how far
 * the chosen tab is out of sight.
 */
export async function overflow(page: Page): Promise<number> {
  return page.evaluate((narrow) => {
    const wider = [document.documentElement.scrollWidth - innerWidth];
    if (innerWidth <= narrow) {
      for (const one of document.querySelectorAll(".table-scroll, .mantine-Button-label")) wider.push(one.scrollWidth - one.clientWidth);
      for (const tab of document.querySelectorAll("main nav [aria-current=page]")) {
        const [at, row] = [tab.getBoundingClientRect(), tab.closest("nav")!.getBoundingClientRect()];
        wider.push(row.left - at.left, at.right - row.right);
      }
    }
    return Math.max(0, ...wider.map(Math.floor));
  }, NARROW);
}
