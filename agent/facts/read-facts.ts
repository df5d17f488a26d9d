/**
 * What an agent reads of its own host, each figure by itself: what cannot be read is left out and keeps nothing
 * else from being read. Names come from the coordinator, so only what every user of the host may see is told.
 */
import { networkInterfaces } from "node:os";
import type { FactNeeds, NodeFacts } from "../../shared/node-facts.ts";
import { readCertificates, type LookAtCertificate } from "./certificates.ts";
import { readClock } from "./clock.ts";
import { commandsOn, type RunCommand } from "./command.ts";
import { readConntrack } from "./conntrack.ts";
import { hostRoots, type HostRoots } from "./host-files.ts";
import { readInterfaces, type ListInterfaces } from "./interfaces.ts";
import { readModules } from "./kernel-modules.ts";
import { readOpenFiles } from "./open-files.ts";
import { readEphemeral, readSysctls } from "./sysctls.ts";

type Download = NodeFacts["downloads"][number];

/** Where the host is read, and how. */
export interface HostAccess {
  roots: HostRoots;
  run: RunCommand;
  interfaces: ListInterfaces;
  now: () => Date;
}

export interface FactDependencies extends HostAccess {
  certificateAt: LookAtCertificate;
  /** Measures one download; resolves also where it failed, with the reason in `detail`. */
  download: (url: string, signal: AbortSignal) => Promise<Download>;
}

/** This very host. */
export function thisHost(env: NodeJS.ProcessEnv): HostAccess {
  return {
    roots: hostRoots,
    run: commandsOn(env["PATH"] ?? ""),
    interfaces: networkInterfaces,
    now: () => new Date(),
  };
}

/** However many are asked for. */
const maxNames = 64;
const maxDownloads = 8;

export async function readNodeFacts(
  needs: FactNeeds,
  { roots, run, interfaces, now, certificateAt, download }: FactDependencies,
  signal: AbortSignal,
): Promise<NodeFacts> {
  const [links, clock, certificates, downloads] = await Promise.all([
    readInterfaces(interfaces, roots, run, now(), signal),
    readClock(roots, run, signal),
    readCertificates(needs.certificates, certificateAt, signal),
    // One after the other: together they would share the line that is measured.
    needs.downloads
      .slice(0, maxDownloads)
      .reduce<Promise<Download[]>>(
        async (before, url) => [...(await before), await download(url, signal)],
        Promise.resolve([]),
      ),
  ]);
  const ephemeral = readEphemeral(roots);
  const conntrack = readConntrack(roots);
  const descriptors = readOpenFiles(roots);
  return {
    sysctls: readSysctls(needs.sysctls.slice(0, maxNames), roots),
    modules: readModules(needs.modules.slice(0, maxNames), roots),
    interfaces: links,
    ...(ephemeral === undefined ? {} : { ephemeral }),
    ...(conntrack === undefined ? {} : { conntrack }),
    ...(descriptors === undefined ? {} : { descriptors }),
    clock,
    certificates,
    downloads,
  };
}
