/** A real browser, and what its pages complain of and ask for. */
import { setTimeout as sleep } from "node:timers/promises";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const installed = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

export interface Opened {
  page: Page;
  /** Errors, and whatever was logged as one. */
  problems: string[];
  requests: string[];
}

/** @throws Error where there is no browser. */
export function browserPath(): string {
  if (installed === undefined)
    throw new Error("no chromium found. Next: sh bin/system-tools installs it on Debian as root");
  return installed;
}

export function launch(executablePath = browserPath()): Promise<Browser> {
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** In a context of its own: nothing is stored by another page. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, problems, requests };
}

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Serious and critical findings of axe, in short. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  const isThere = await page.evaluate(() => "axe" in globalThis);
  // The policy lets no script of ours in; the debugger may.
  if (!isThere) await page.evaluate(await readFile(axePath, "utf8"));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run: () => Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
      };
    };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" ")}`);
  });
}

/** The colour of a variable of the style sheet, as `getImageData` gives it: `147,213,191`. */
export function colourOf(page: Page, name: string): Promise<string> {
  return page.evaluate((variable) => {
    const probe = document.createElement("span");
    document.body.append(probe);
    probe.style.color = `var(--${variable})`;
    const context = document.createElement("canvas").getContext("2d")!;
    context.fillStyle = getComputedStyle(probe).color;
    probe.remove();
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data.slice(0, 3).join(",");
  }, name);
}

/** What is read once it is as wanted, or at last: a page answers in its own time. */
export async function eventually<Value>(read: () => Promise<Value>, wanted: Value | RegExp): Promise<Value> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const value = await read();
    const isWanted = wanted instanceof RegExp ? wanted.test(String(value)) : value === wanted;
    if (isWanted || performance.now() > deadline) return value;
    await sleep(25);
  }
}
