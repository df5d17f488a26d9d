/**
 * Names of namespaces and the removal of what dead test runs left behind. A name carries the process that
 * made it and when that process started, because process ids are used again.
 */
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ipBatch } from "./command.ts";

const folder = "/run/netns";
/** Files that processes of a namespace see in place of those in /etc: ip-netns(8). */
const etcFolder = "/etc/netns";
let labs = 0;

/** `pm1234-567890-1`: what the names of all namespaces of one lab begin with. */
export function nextLabName(): string {
  labs++;
  return `pm${process.pid}-${startOf(process.pid)}-${labs}`;
}

export function etcOf(namespace: string): string {
  return join(etcFolder, namespace);
}

/** Removes the namespaces, and the processes in them, of labs whose process is gone. */
export async function sweepLeftovers(): Promise<void> {
  const names = new Set([...entries(folder), ...entries(etcFolder)]);
  const orphans = [...names].filter((name) => {
    const [, pid, start] = /^pm(\d+)-(\d+)-\d+-/.exec(name) ?? [];
    return pid !== undefined && startOf(Number(pid)) !== start;
  });
  // Where several labs sweep at once, each finds some of the work done.
  await removeNamespaces(orphans).catch(() => {});
}

/** Ends what runs in the namespaces first: a process keeps its namespace alive after the name is gone. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  const deadline = Date.now() + 2_000;
  for (let left = processesIn(names); left.length > 0 && Date.now() < deadline; left = processesIn(names)) {
    for (const pid of left) kill(pid);
    await sleep(5);
  }
  // A lab that failed half-way has fewer namespaces than names.
  const present = new Set(entries(folder));
  await ipBatch(names.filter((name) => present.has(name)).map((name) => `netns del ${name}`));
  for (const name of names) rmSync(etcOf(name), { recursive: true, force: true });
}

function processesIn(names: readonly string[]): number[] {
  const wanted = new Set(names.flatMap((name) => namespaceIdOf(name) ?? []));
  return entries("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => wanted.has(attempt(() => readlinkSync(`/proc/${pid}/ns/net`)) ?? ""))
    .map(Number);
}

export function namespaceIdOf(name: string): string | undefined {
  return attempt(() => `net:[${statSync(`${folder}/${name}`).ino}]`);
}

/** The start time of a process in clock ticks since boot; undefined where there is none. */
function startOf(pid: number): string | undefined {
  // The second field, a name in brackets, may contain spaces: count behind it.
  return attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[19]!);
}

function entries(path: string): string[] {
  return attempt(() => readdirSync(path)) ?? [];
}

function kill(pid: number): void {
  attempt(() => process.kill(pid, "SIGKILL"));
}

/** Processes and namespaces vanish while one looks at them. */
function attempt<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
