/**
 * Writes the pictures of docs/dashboard.md: a real coordinator, whose clock runs through most of an hour in half a minute, agents that
 * tell it what a cluster with two faults would have them see, and a real browser. Needs chromium and libfaketime.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Status } from "../../shared/api.ts";
import { SteppedClock } from "../lab/clock.ts";
import { launch, openPage } from "./browser.ts";
import { Stage, type StageFault } from "./stage.ts";

const target = join(import.meta.dirname, "../../docs/images");
const zones = ["a", "b", "c"];
const nodes = [
  ...zones.map((zone, index) => ({ name: `ctl-${index + 1}`, roles: ["controller-nodes"], zone })),
  ...Array.from({ length: 18 }, (_, index) => ({
    name: `node-${`${index + 1}`.padStart(2, "0")}`,
    roles: [],
    zone: zones[index % 3]!,
  })),
];
const etcd: StageFault = { from: "*", to: "ctl-2", port: 2379 };
const serf: StageFault = { from: "node-05", to: "node-1*", port: 7496, kind: "refused" };
/** Minutes before now, and what is blocked from then on. */
const past: readonly [minutes: number, faults: readonly StageFault[]][] = [
  [52, []],
  [44, [{ from: "node-0*", to: "node-16", port: 3022 }]],
  [39, []],
  [26, [{ from: "*", to: "node-08" }]],
  [22, []],
  [9, [serf]],
  [3, [serf, etcd]],
  [0, [serf, etcd]],
];
/** libfaketime looks at its file now and then. */
const pollMs = 100;
const nearMs = 20_000;

const folder = mkdtempSync(join(tmpdir(), "portmesh-screenshots-"));
try {
  const clock = new SteppedClock(folder, "coordinator");
  clock.step(`-${past[0]![0]}m`);
  // Agents tell when they are asked to: nobody is late as long as there are less than three intervals in between.
  await using stage = await Stage.start({
    spec: { id: "anypoint-runtime-fabric" },
    options: { region: "eu" },
    nodes,
    interval: "5m",
    env: clock.env,
  });
  for (const [minutes, faults] of past) {
    clock.step(minutes === 0 ? "+0" : `-${minutes}m`);
    while (Math.abs((await coordinatorTime(stage)) - (Date.now() - minutes * 60_000)) > nearMs)
      await sleep(pollMs);
    stage.faults = faults;
    // The second confirms the first.
    await stage.sweep();
    await stage.sweep();
  }
  await stage.untilCounts("both faults are told", ({ fail }) => fail >= nodes.length - 1);
  const calm = new Date(Date.now() - 14 * 60_000).toISOString();
  const browser = await launch();
  try {
    for (const [name, search, colorScheme] of [
      ["dashboard-light", "", "light"],
      ["dashboard-dark", "", "dark"],
      ["evidence-light", "?from=node-01&to=ctl-2", "light"],
      ["comparison-dark", `?since=${calm}`, "dark"],
    ] as const) {
      const { page } = await openPage(browser, `${stage.origin}/${search}`, {
        viewport: { width: 1280, height: 800 },
        colorScheme,
        locale: "en-GB",
        timezoneId: "UTC",
        reducedMotion: "reduce",
      });
      await page.locator(".feed.is-live").waitFor();
      await page.waitForLoadState("networkidle", { timeout: 3_000 }).catch(() => undefined);
      await page.screenshot({ path: join(target, `${name}.png`) });
      await page.context().close();
    }
  } finally {
    await browser.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function coordinatorTime(stage: Stage): Promise<number> {
  return Date.parse((await stage.ask<Status>("/status")).now);
}
