/**
 * ICMP echo by the system's `ping`, which may open the socket that this process may not. Its words are those of
 * iputils and of BusyBox; both exit with 0 for an answer, 1 for none and 2 for a fault of this host.
 */
import { execFile } from "node:child_process";
import type { Outcome } from "../../shared/outcome.ts";
import { printable } from "../protocols/services/exchange.ts";

/** Loss of one packet is no verdict. The second one has the time that a kernel takes to give up on a neighbour. */
const shares = [1 / 4, 3 / 4];
const maxOutputBytes = 16 * 1024;
/** What `ping` says of its own host, as errno. */
const ownFaults: readonly [words: RegExp, code: string][] = [
  [/network is unreachable/i, "ENETUNREACH"],
  [/no route to host/i, "EHOSTUNREACH"],
  [/operation not permitted/i, "EPERM"],
  // EACCES on connect, as a route that prohibits gives it, is taken for a broadcast by iputils.
  [/permission denied|ping broadcast/i, "EACCES"],
  [/address family/i, "EAFNOSUPPORT"],
  [/cannot assign requested address/i, "EADDRNOTAVAIL"],
  [/invalid argument/i, "EINVAL"],
];
/** An ICMP error of a router or of the host. */
const rejection = /destination .*|packet filtered.*|.* (?:unreachable|prohibited|exceeded).*/i;

/** `address` is a literal: a name would be resolved by somebody else than us. */
export async function ping(address: string, timeoutMs: number, signal: AbortSignal): Promise<Outcome> {
  const startedAt = performance.now();
  for (let attempts = 1; ; attempts++) {
    const run = await runPing(address, timeoutMs * shares[attempts - 1]!, signal);
    const base = { phase: "answer" as const, elapsedMs: performance.now() - startedAt, attempts };
    const outcome = { ...base, ...interpret(run) };
    if (outcome.kind !== "silent" || attempts === shares.length || signal.aborted) return outcome;
  }
}

interface PingRun {
  /** The exit code, or the errno of a process that could not be started. */
  code: number | string;
  /** Its time was over before it had ended by itself. */
  wasKilled: boolean;
  stdout: string;
  stderr: string;
}

function runPing(address: string, eachMs: number, signal: AbortSignal): Promise<PingRun> {
  // Whole seconds: older versions know no others.
  const seconds = String(Math.max(1, Math.ceil(eachMs / 1_000)));
  return new Promise((resolve) => {
    execFile(
      "ping",
      ["-n", "-c", "1", "-W", seconds, address],
      { signal, timeout: eachMs + 500, maxBuffer: maxOutputBytes, env: { ...process.env, LC_ALL: "C" } },
      (error, stdout, stderr) => {
        const { code = 0, killed = false } = (error ?? {}) as { code?: number | string; killed?: boolean };
        resolve({ code, wasKilled: killed, stdout, stderr });
      },
    );
  });
}

function interpret({ code, wasKilled, stdout, stderr }: PingRun): Pick<Outcome, "kind"> & Partial<Outcome> {
  if (code === 0) {
    const time = /time[=<]([0-9.]+) ?ms/.exec(stdout)?.[1];
    return { kind: "open", ...(time === undefined ? {} : { rttMs: Number(time) }) };
  }
  if (code === "ENOENT")
    return {
      kind: "local-error",
      code,
      detail: "there is no ping on this node: install the package iputils-ping, or iputils",
    };
  const said = printable(stderr);
  const own = ownFaults.find(([words]) => words.test(said));
  if (own !== undefined) return { kind: "local-error", code: own[1], detail: said };
  const refused = /^From (.*)$/m.exec(stdout)?.[1];
  if (refused !== undefined && rejection.test(refused))
    return { kind: "unreachable", detail: printable(refused) };
  if (code === 1 || wasKilled) return { kind: "silent" };
  return { kind: "local-error", code: `PING_${code}`, detail: said };
}
