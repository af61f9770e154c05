// A browser, and what every journey asks of it.

import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { readFileSync } from "node:fs";

import { type Browser, type Page, chromium } from "playwright-core";

import type { Key } from "./world";

const SHOTS = process.env.CONSOLE_SHOTS ?? new URL("../../target/console", import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export type Scheme = "light" | "dark";

export async function launch(): Promise<Browser> {
  // Chromium's own sandbox wants a user who is not root, which tests often run as.
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
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
  await page.goto(url);
  return { page, faults };
}

export async function signIn(page: Page, key: Key, { keep = false } = {}): Promise<void> {
  await page.getByLabel("Access key").fill(key.accessKey);
  await page.getByRole("textbox", { name: "Secret key" }).fill(key.secret);
  if (keep) await page.getByLabel("Keep the key in this tab").check();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor({ state: "attached" });
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

/** How far the page is wider than its window. */
export async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}
