// `entente demo`, and the console that it points to: while its vendor is gone, when it is back, and when it is over.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { launch, open, shot, signIn } from "./browser";
import { type Key, binary } from "./world";

const BUCKETS = ["supply", "weather", "charts"];
let browser: Awaited<ReturnType<typeof launch>>;
let demo: ChildProcess;
let said = "";
/** What the demo left running, and where. */
let kept: { pid: number; folder: string } | undefined;

beforeAll(async () => {
  browser = await launch();
  demo = spawn(binary(), ["demo", "--keep"], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [demo.stdout, demo.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
});
afterAll(async () => {
  await browser?.close();
  // One that is broken off ends its enclave itself; one that was kept is ended here if its test did not come so far.
  if (demo?.exitCode === null) demo.kill("SIGINT");
  if (kept && existsSync(kept.folder)) await end(kept);
});

/** Waits until the demo says this. */
async function saying(what: RegExp, timeout: number): Promise<RegExpExecArray> {
  await expect.poll(() => said, { timeout, interval: 100 }).toMatch(what);
  return what.exec(said)!;
}

/** Somebody's key, of the table that the demo prints. */
function keyOf(user: string): Key {
  const [, accessKey = "", secret = ""] = new RegExp(`^  ${user} .* (ENTE\\w+) +(\\S+)$`, "m").exec(said) ?? [];
  return { accessKey, secret };
}

async function end({ pid, folder }: { pid: number; folder: string }): Promise<void> {
  process.kill(pid);
  await expect.poll(() => running(pid), { timeout: 30_000 }).toBe(false);
  await rm(folder, { recursive: true });
}

function running(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("what the demo does is seen on the console that it points to, with the keys that it prints, until it is ended as it says", async () => {
  const [, url = ""] = await saying(/The console shows it at (http:\/\/\S+?):? /, 120_000);
  await saying(/^  operator .*ENTE.*$/m, 10_000);
  const operator = await open(browser, url);
  await signIn(operator.page, keyOf("operator"), { keep: true });
  await operator.page.getByText("Working without google").waitFor();
  await operator.page.getByRole("img", { name: /^google over .*: reads out for/ }).waitFor();
  await shot(operator.page, "demo-gone");

  const [, pid = "", folder = ""] = await saying(/end it with `kill (\d+)`, and remove (\S+)\./, 120_000);
  kept = { pid: Number(pid), folder };
  expect(said).toContain(`the console at ${url}`);
  await operator.page.getByText("All is well").waitFor();
  // What became of the vendor is seen when it is over, too.
  await operator.page.getByRole("img", { name: /^google over .*: reads out for/ }).waitFor();
  await shot(operator.page, "demo-back");
  await operator.page.goto(`${url}/buckets`);
  for (const bucket of BUCKETS) await operator.page.getByRole("link", { name: bucket }).waitFor();

  const owner = await open(browser, url);
  await signIn(owner.page, keyOf("cartographer"), { keep: true });
  await owner.page.getByRole("link", { name: "charts" }).click();
  await owner.page.getByRole("link", { name: "sheets" }).click();
  await owner.page.getByRole("link", { name: "01.pgm" }).click();
  await owner.page.getByText("It survives the loss of any two vendors.").waitFor();
  // Who is cleared for less finds two of the three.
  const low = await open(browser, url);
  await signIn(low.page, keyOf("quartermaster"), { keep: true });
  await low.page.getByRole("link", { name: "supply" }).waitFor();
  expect(await low.page.locator("body").innerText()).not.toContain("charts");
  expect([...operator.faults, ...owner.faults, ...low.faults]).toEqual([]);

  await end(kept);
  await expect(fetch(url)).rejects.toThrow();
  expect(existsSync(folder)).toBe(false);
  await operator.page.getByText("Entente has not answered for").waitFor();
});
