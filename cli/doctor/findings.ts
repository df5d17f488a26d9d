/** What people on call ask of a host, judged: privileges, held ports, name servers, firewall, time service. Pure. */
import type { FirewallRules } from "../../agent/facts/firewall.ts";
import type { CheckPhase, Transport } from "../../shared/names.ts";
import type { NodeFacts } from "../../shared/node-facts.ts";
import type { Outcome } from "../../shared/outcome.ts";
import type { PlannedNode } from "../../shared/plan.ts";
import { countPorts, formatPorts, portSetOf, union } from "../../shared/ports.ts";
import { hostSpec, type HostFinding } from "../../shared/requirements/host-checks.ts";
import { setSysctl } from "../../shared/requirements/remedies.ts";
import { met, unmet, type RequirementFinding } from "../../shared/requirements/requirement-check.ts";

/** A port that the node has to hold, and who holds it now. */
export interface HeldPorts {
  transport: Transport;
  ports: string;
  owner: string;
  /** Who may be there before the product is: an agent of Portmesh, or a service that hosts have anyway. */
  belongs: "agent" | "host" | undefined;
}

const firstUnprivileged = 1_024;
const startKey = "net.ipv4.ip_unprivileged_port_start";
const setting = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/** `fault` is the errno of binding a low port; `start` the first that everybody may bind. */
export function lowPorts(node: PlannedNode, fault: string | undefined, start: number): HostFinding {
  const low = union(node.listeners.map(({ ports }) => ports)).flatMap(([first, last]): [number, number][] =>
    first < start ? [[first, Math.min(last, start - 1)]] : [],
  );
  const about = { name: "low-ports", kind: hostSpec, text: "This user may hold ports under 1024." };
  const from = "a UDP port of loopback was bound";
  const expected =
    node.listeners.length === 0
      ? `ports under ${firstUnprivileged} can be bound`
      : `${formatPorts(low)} can be bound`;
  if (node.listeners.length > 0 && low.length === 0)
    return {
      ...about,
      ...met({ expected: "no privilege is needed", actual: `no port is under ${start}`, from: setting }),
    };
  if (fault === undefined) return { ...about, ...met({ expected, actual: "permitted", from }) };
  const actual = `not permitted to this user (${fault}), only from ${start} on`;
  if (node.listeners.length === 0) {
    // Whether it matters depends on the product, and on who is to run the agent.
    const remedy = "run this as the user of the agent, with --spec or --cluster";
    return { ...about, ...unknown({ expected, actual, from, remedy }) };
  }
  const remedy = setSysctl(startKey, `${low[0]![0]}`, "portmesh");
  return { ...about, ...unmet({ expected, actual, from, remedy }) };
}

/** One finding for all ports that are as they should be, and one for each process that is in the way. */
export function heldPorts(node: PlannedNode, held: readonly HeldPorts[], phase: CheckPhase): HostFinding[] {
  const wanted = node.listeners.reduce((sum, { ports }) => sum + countPorts(ports), 0);
  if (wanted === 0) return [];
  const about = { name: "held-ports", kind: hostSpec };
  const from = "/proc/net, /proc/*/fd";
  const say = (each: HeldPorts): string => `${each.transport}/${each.ports} ${each.owner}`;
  const taken = held.map(say).join("; ");
  if (phase === "runtime") {
    const text = "Who holds the ports of the product now.";
    const expected = "the product, or an agent, holds its ports";
    const finding = { expected, actual: taken === "" ? "nobody holds any of them" : taken, from };
    // What the host has anyway is no sign of the product.
    const isThere = held.some(({ belongs }) => belongs !== "host");
    return [{ ...about, text, ...(isThere ? met(finding) : unknown(finding)) }];
  }
  const text = "Ports of the product are free before it is installed.";
  const foreign = held.filter(({ belongs }) => belongs === undefined);
  if (foreign.length === 0) {
    const actual = taken === "" ? "all are free" : taken;
    return [{ ...about, text, ...met({ expected: `${wanted} ports are free`, actual, from }) }];
  }
  return foreign.map((each) => ({
    ...about,
    text,
    ...unmet({
      expected: `${each.transport}/${each.ports} is free`,
      actual: `${each.owner} has it`,
      from,
      remedy: `stop ${each.owner}; if that is the product itself, look with --phase runtime`,
    }),
  }));
}

/** Joins ports of one owner. */
export function groupHeld(found: readonly (Omit<HeldPorts, "ports"> & { port: number })[]): HeldPorts[] {
  const groups = Map.groupBy(found, ({ transport, owner, belongs }) => `${transport} ${belongs} ${owner}`);
  return Array.from(groups.values(), (members) => {
    const { transport, owner, belongs } = members[0]!;
    return { transport, ports: formatPorts(portSetOf(members.map(({ port }) => port))), owner, belongs };
  });
}

/** One finding a server. */
export function nameServers(asked: readonly { address: string; outcome: Outcome }[]): HostFinding[] {
  const about = { name: "name-server", kind: hostSpec, text: "The name servers of this host answer." };
  const from = "/etc/resolv.conf";
  if (asked.length === 0)
    return [{ ...about, ...unknown({ expected: "a name server", actual: "none is named", from }) }];
  return asked.map(({ address, outcome }) => {
    const expected = `${address} answers`;
    if (outcome.kind === "open") {
      const actual = `${outcome.detail ?? "answered"} after ${Math.max(1, Math.round(outcome.elapsedMs))} ms`;
      return { ...about, ...met({ expected, actual, from }) };
    }
    const code = outcome.code === undefined ? "" : ` (${outcome.code})`;
    // Others on loopback are dnsmasq, unbound or whatever the host has.
    const remedy = resolvedStubs.has(address)
      ? "systemctl restart systemd-resolved"
      : `portmesh probe ${probePlace(address)} -p udp`;
    return { ...about, ...unmet({ expected, actual: `${outcome.kind}${code}`, from, remedy }) };
  });
}

/** Of systemd-resolved.service(8). */
const resolvedStubs: ReadonlySet<string> = new Set(["127.0.0.53", "127.0.0.54"]);

function probePlace(address: string): string {
  return address.includes(":") ? `'[${address}]:53'` : `${address}:53`;
}

/** A text says why nobody knows. */
export function firewall(found: FirewallRules | string): HostFinding {
  const about = {
    name: "firewall-readable",
    kind: hostSpec,
    text: "The host's own firewall can be looked at.",
  };
  const expected = "firewall tables can be read";
  const from = "nft list ruleset";
  if (typeof found === "string") {
    const needsRoot = /permitted|permission/i.test(found);
    const remedy = needsRoot ? { remedy: "run this as root" } : {};
    return {
      ...about,
      ...unknown({ expected, actual: needsRoot ? "only root may" : found, from, ...remedy }),
    };
  }
  const { rules, tables, legacy } = found;
  const old = legacy.length === 0 ? "" : `; iptables-legacy has ${legacy.join(", ")}, too`;
  return {
    ...about,
    ...met({ expected, actual: `${counted(rules, "rule")} in ${counted(tables, "table")}${old}`, from }),
  };
}

export function timeService({ synchronized, from, detail }: NodeFacts["clock"]): HostFinding {
  const about = { name: "time-service", kind: hostSpec, text: "A time service keeps the host's clock." };
  const expected = "the clock is synchronized";
  const source = from === undefined ? {} : { from };
  if (synchronized === undefined) {
    const remedy = "timedatectl set-ntp true";
    return { ...about, ...unknown({ expected, actual: "no time service was found to ask", remedy }) };
  }
  const more = detail === undefined ? "" : `, ${detail}`;
  if (synchronized) return { ...about, ...met({ expected, actual: `synchronized${more}`, ...source }) };
  const remedy = from?.startsWith("chronyc") === true ? "chronyc makestep" : "timedatectl set-ntp true";
  return { ...about, ...unmet({ expected, actual: `not synchronized${more}`, ...source, remedy }) };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function unknown(rest: Omit<RequirementFinding, "verdict" | "reason">): RequirementFinding {
  return { verdict: "unknown", reason: "never-probed", ...rest };
}
