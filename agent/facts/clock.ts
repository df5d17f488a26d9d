/**
 * Whether a time service keeps this host's clock, as that service says it: chrony (chronyc(1)), whatever
 * systemd knows of (timedatectl(1)), systemd-timesyncd(8) by its files, or ntpd (ntpq(8)).
 */
import { join } from "node:path";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { printable } from "../protocols/services/exchange.ts";
import type { CommandAnswer, RunCommand } from "./command.ts";
import { exists, type HostRoots } from "./host-files.ts";

type ClockFacts = NodeFacts["clock"];

/** The first that has something to say; where none has, nothing is known. All are asked at once. */
export async function readClock(roots: HostRoots, run: RunCommand, signal: AbortSignal): Promise<ClockFacts> {
  const [chrony, systemd, ntpd] = await Promise.all([
    run("chronyc", ["-c", "tracking"], signal),
    run("timedatectl", ["show", "--property=NTPSynchronized", "--property=NTP"], signal),
    run("ntpq", ["-n", "-c", "rv 0 leap,stratum,refid,offset"], signal),
  ]);
  return readChrony(chrony) ?? readSystemd(systemd) ?? readTimesync(roots) ?? readNtpd(ntpd) ?? {};
}

/**
 * One line: reference, its name, stratum, time, by how many seconds the clock is behind, and so on; the leap
 * status is last and tells whether it is synchronised.
 */
function readChrony(answer: CommandAnswer): ClockFacts | undefined {
  const fields = "out" in answer ? answer.out.trim().split(",") : [];
  const behindSeconds = Number(fields[4]);
  if (fields.length < 14 || fields[4] === "" || !Number.isFinite(behindSeconds)) return undefined;
  const synchronized = !/^not synchroni[sz]ed/i.test(fields[13]!);
  return {
    synchronized,
    from: "chronyc tracking",
    ...(synchronized ? { aheadMs: toMicroseconds(-behindSeconds * 1_000) } : {}),
    detail: printable(synchronized ? `source ${fields[1]}, stratum ${fields[2]}` : fields[13]!),
  };
}

/** The kernel's own word, which any time service gives it, and whether systemd is to run one. */
function readSystemd(answer: CommandAnswer): ClockFacts | undefined {
  if (!("out" in answer)) return undefined;
  const properties = new Map(
    Array.from(answer.out.matchAll(/^(\w+)=(yes|no)$/gm), ([, name, value]) => [name, value]),
  );
  const synchronized = properties.get("NTPSynchronized");
  if (synchronized === undefined) return undefined;
  return {
    synchronized: synchronized === "yes",
    from: "timedatectl",
    ...(synchronized === "no" && properties.get("NTP") === "no" ? { detail: "no time service is on" } : {}),
  };
}

/** It leaves a file there once it has set the clock since the start of the host. */
function readTimesync({ run }: HostRoots): ClockFacts | undefined {
  const folder = join(run, "systemd/timesync");
  return exists(folder) ? { synchronized: exists(folder, "synchronized"), from: folder } : undefined;
}

/** Variables of RFC 9327 section 2: `leap` is 3 (`11`) before the clock is synchronised, `offset` in milliseconds. */
function readNtpd(answer: CommandAnswer): ClockFacts | undefined {
  if (!("out" in answer)) return undefined;
  const variables = new Map(
    Array.from(answer.out.matchAll(/(\w+)=("[^"]*"|[^,\s]+)/g), ([, name, value]) => [name, value!]),
  );
  const leap = variables.get("leap");
  const offset = Number(variables.get("offset"));
  if (leap === undefined) return undefined;
  const synchronized = leap !== "11" && leap !== "3";
  return {
    synchronized,
    from: "ntpq",
    // By how much the source is ahead of this clock.
    ...(synchronized && Number.isFinite(offset) ? { aheadMs: toMicroseconds(-offset) } : {}),
    detail: printable(`source ${variables.get("refid")}, stratum ${variables.get("stratum")}`),
  };
}

/** Less than a microsecond is nobody's business. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
