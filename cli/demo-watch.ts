/** A demo that goes on: the cluster is watched, and what changes is printed and on the dashboard. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { boundedReport } from "../coordinator/watch/watch-report.ts";
import type { Cluster } from "../shared/cluster-file.ts";
import { skippable } from "../shared/names.ts";
import { printTransitions } from "./coordinator-run.ts";
import { DemoAgents } from "./demo-agents.ts";
import { dashboardPlace, openInBrowser } from "./demo-window.ts";
import { writeJoinFile } from "./join-file.ts";
import type { ReportOutput } from "./report-output.ts";
import { dashboardPort } from "./options.ts";
import { painter, type Terminal } from "./terminal.ts";
import { watchCluster, type RunningWatch } from "./watching.ts";

const pollMs = 100;
/** After this many intervals all is known that will be. */
const firstIntervals = 3;
const mostPaths = 20_000;

export interface DemoWatchFlags {
  interval: number;
  open: boolean;
}

/** `folder` is the demo's own. */
export async function watchDemo(
  cluster: Cluster,
  folder: string,
  { interval, open }: DemoWatchFlags,
  output: ReportOutput,
  terminal: Terminal,
): Promise<number> {
  const file = join(folder, "cluster.yaml");
  writeFileSync(file, stringify(clusterFileOf(cluster, interval)));
  const settings = {
    listen: { host: "127.0.0.1", port: 0 },
    dataDir: join(folder, "data"),
    http: await dashboardPlace(dashboardPort),
    httpName: [],
    // Who tries this is not asked whether a vendor may hear of it.
    phase: "install" as const,
    skip: skippable,
  };
  return watchCluster(file, settings, async (running) => {
    const { coordinator, view, url, signal } = running;
    const joinFile = join(folder, "join");
    writeJoinFile(joinFile, coordinator.joinString);
    const names = cluster.nodes.map(({ name }) => name);
    await using agents = new DemoAgents(names, joinFile, join(folder, "state"));
    await Promise.race([everythingIsKnown(running, interval, terminal), agents.anyFailure]);
    const show = async (): Promise<void> => {
      output.show(await boundedReport(view, coordinator.now(), mostPaths));
    };
    await show();
    if (signal.aborted) return;
    const paint = painter(terminal.err);
    terminal.err.write(
      `\n${paint("bold", "Dashboard")}  ${url}\n` +
        `${paint("bold", "Cluster")}    ${file} (change it, and it is in force)\n` +
        `Each node sweeps its paths every ${interval / 1_000} s; changes are told here. Ctrl-C ends the demo.\n`,
    );
    if (open) openInBrowser(url, terminal);
    printTransitions(running, "text", terminal);
    await Promise.race([once(signal, "abort"), agents.anyFailure]);
    await show();
  });
}

/** What the user would have written. */
function clusterFileOf({ name, specs, nodes, probing }: Cluster, intervalMs: number): object {
  return {
    name,
    specs: specs.map(({ spec, options }) => {
      const chosen = Object.entries(options).filter(
        ([option, value]) => value !== undefined && spec.options[option]?.default === undefined,
      );
      return { id: spec.id, ...(chosen.length === 0 ? {} : { options: Object.fromEntries(chosen) }) };
    }),
    nodes: nodes.map(({ name: node, addresses, roles, zone }) => ({
      name: node,
      address: addresses[0],
      ...(roles.length === 0 ? {} : { roles: [...roles] }),
      zone,
    })),
    probing: { interval: `${intervalMs}ms`, timeout: `${probing.timeoutMs}ms` },
  };
}

/** Resolves when there is a verdict for every path, or nothing more is to be expected. */
async function everythingIsKnown(
  { coordinator, view, signal }: RunningWatch,
  intervalMs: number,
  terminal: Terminal,
): Promise<void> {
  const { nodes } = view.plan;
  let told = -1;
  let since: number | undefined;
  while (!signal.aborted) {
    const known = nodes.filter(({ index }) => view.lastSweepAt(index) !== undefined).length;
    if (known !== told) terminal.err.write(`agents that have swept: ${known} of ${nodes.length}\n`);
    told = known;
    if (view.counts().unknown === 0) return;
    if (known === nodes.length) since ??= coordinator.now();
    if (since !== undefined && coordinator.now() - since > firstIntervals * intervalMs) return;
    await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}
