/**
 * What a coordinator needs that watches 100, 300 and 1,000 nodes of Dynatrace Managed: while all is well, and when half
 * of all paths fail at once.
 */
import { mkdtempSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Children } from "./children.ts";
import { Fleet, type Scrape } from "./fleet.ts";
import type { Comparison, Measurement, Subject, Unit } from "./measure.ts";

const sizes = [100, 300, 1_000] as const;
/** Two intervals. */
const steadyMs = 60_000;
/** For what is left of the start. */
const restMs = 15_000;
const afterStormMs = 30_000;
const scrapes = 5;
const limits = { series: 25_000, scrapeMs: 200, megabytesADay: 100 };
/** Of a node, for each of the others: one over TLS, one over TCP. */
const targetsPerPeer = 2;

/** In the order in which they are printed; each is one measurement of each size. */
const figures = {
  start: ["s", "until it answers"],
  join: ["s", "until all agents have joined and every path is proved"],
  joinCpu: ["s", "CPU time until then"],
  cpu: ["%", "of a core while all is well"],
  rss: ["MB", "RSS while all is well"],
  lagMedian: ["ms", "event loop, median (10 is idle)"],
  lagTail: ["ms", "event loop, 99th percentile"],
  series: ["series", "of /metrics"],
  scrape: ["ms", "a scrape, median of five"],
  day: ["MB", "of round trips a day in the history"],
  recent: ["MB", "an hour of round trips while that is recent"],
  judged: ["s", "half of all paths fail: until all are judged"],
  stormLag: ["ms", "then: event loop, 99th percentile"],
  stormStall: ["ms", "then: event loop, at most"],
  stormRss: ["MB", "then: RSS at most"],
  stormHistory: ["MB", "then: more of history"],
  healed: ["s", "until all are well again"],
} as const satisfies Record<string, readonly [Unit, string]>;
type Name = keyof typeof figures;
type Results = Record<Name, number>;

export function watching(parent: string, children: Children): Subject {
  const measurements = sizes.flatMap((size) => measurementsOf(size, parent, children));
  const growth = (name: Name): Comparison => ({
    title: `1,000 nodes / 100: ${figures[name][1]}`,
    of: `coordinator-1000-${name}`,
    to: [`coordinator-100-${name}`],
  });
  const most = (name: Name, atMost: number): Comparison => ({
    title: `1,000 nodes: ${figures[name][1]}`,
    of: `coordinator-1000-${name}`,
    atMost,
  });
  return {
    measurements,
    comparisons: [
      most("series", limits.series),
      most("scrape", limits.scrapeMs),
      most("day", limits.megabytesADay),
      ...(["joinCpu", "cpu", "rss", "series", "scrape", "stormRss"] as const).map(growth),
    ],
  };
}

/** The first of them does the work, and the others say what it found. */
function measurementsOf(size: number, parent: string, children: Children): Measurement[] {
  let results: Results | undefined;
  return Object.entries(figures).map(([name, [unit, title]], index) => ({
    id: `coordinator-${size}-${name}`,
    title: `${size} nodes: ${title}`,
    unit,
    isOnce: true,
    async run() {
      if (index === 0) results = await live(size, parent, children);
      return { value: results![name as Name] };
    },
  }));
}

async function live(size: number, parent: string, children: Children): Promise<Results> {
  const history = await historyOf(size, parent, children);
  const fleet = await Fleet.start(size, parent, children);
  try {
    const startedAt = performance.now();
    const cpuBefore = fleet.cpuSeconds;
    await fleet.join();
    const joined = secondsSince(startedAt);
    const joinCpu = fleet.cpuSeconds - cpuBefore;
    await sleep(restMs);
    const steady = await watchSteadily(fleet);
    return {
      start: fleet.startSeconds,
      join: joined,
      joinCpu,
      ...history,
      ...steady,
      ...(await storm(fleet)),
    };
  } finally {
    await fleet.end();
  }
}

async function watchSteadily(
  fleet: Fleet,
): Promise<Pick<Results, "cpu" | "rss" | "lagMedian" | "lagTail" | "series" | "scrape">> {
  // A scrape begins the time of which the next one tells.
  await fleet.scrape();
  const startedAt = performance.now();
  const before = fleet.cpuSeconds;
  await sleep(steadyMs);
  const cpu = ((fleet.cpuSeconds - before) / secondsSince(startedAt)) * 100;
  const rss = fleet.rssMb;
  const scraped = await fleet.scrape();
  const times: number[] = [];
  for (let count = 0; count < scrapes; count++) times.push((await fleet.scrape()).ms);
  return {
    cpu,
    rss,
    lagMedian: lagMs(scraped, "p50"),
    lagTail: lagMs(scraped, "p99"),
    series: scraped.series,
    scrape: times.toSorted((a, b) => a - b)[scrapes >> 1]!,
  };
}

async function storm(
  fleet: Fleet,
): Promise<Pick<Results, "judged" | "stormLag" | "stormStall" | "stormRss" | "stormHistory" | "healed">> {
  const { size } = fleet;
  const all = (await fleet.paths()).pass;
  const ofPair = all / (size * (size - 1));
  const half = size / 2;
  // From either zone to the other, and to the node that is down from its own zone; of its own paths nobody tells.
  const cut = (half * half + (half - 1) * half + (half - 1)) * ofPair;
  const before = historyBytes(fleet);
  fleet.forgetPeak();
  await fleet.scrape();
  const startedAt = performance.now();
  fleet.cut();
  await fleet.until(({ fail }) => fail >= cut);
  const judged = secondsSince(startedAt);
  await sleep(afterStormMs);
  const scraped = await fleet.scrape();
  const stormHistory = (historyBytes(fleet) - before) / 1e6;
  const healedAt = performance.now();
  fleet.heal();
  await fleet.until(({ fail }) => fail <= size * ofPair);
  return {
    judged,
    stormLag: lagMs(scraped, "p99"),
    stormStall: lagMs(scraped, "max"),
    stormRss: fleet.peakRssMb,
    stormHistory,
    healed: secondsSince(healedAt),
  };
}

/** Rows are of one node each: one stands for all. */
async function historyOf(
  size: number,
  parent: string,
  children: Children,
): Promise<Pick<Results, "day" | "recent">> {
  const folder = mkdtempSync(join(parent, "history-"));
  const script = join(import.meta.dirname, "history.ts");
  const targets = String((size - 1) * targetsPerPeer);
  const output = await children.run(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    script,
    folder,
    targets,
  ]);
  const { bytesPerHour } = JSON.parse(output) as { bytesPerHour: { fine: number; summed: number } };
  return { day: (bytesPerHour.summed * 24 * size) / 1e6, recent: (bytesPerHour.fine * size) / 1e6 };
}

function historyBytes({ folder }: Fleet): number {
  const data = join(folder, "data");
  const files = readdirSync(data).filter((name) => name.startsWith("journal.db"));
  return files.reduce((sum, name) => sum + statSync(join(data, name)).size, 0);
}

function lagMs(scraped: Scrape, of: "p50" | "p99" | "max"): number {
  return scraped.of(`nodejs_eventloop_lag_${of}_seconds`) * 1_000;
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}
