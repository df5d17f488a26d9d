/** Reads this host and judges it: facts, what every node needs, what the product needs, what people on call ask. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { readFirewall } from "../../agent/facts/firewall.ts";
import { askNameServer, readNameServers } from "../../agent/facts/name-servers.ts";
import { readNodeFacts, type HostAccess } from "../../agent/facts/read-facts.ts";
import { PortOwners } from "../../agent/port-owner.ts";
import { lowPortFault } from "../../agent/protocols/low-port.ts";
import { verdicts, worse, type CheckPhase, type Verdict } from "../../shared/names.ts";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { eachPort } from "../../shared/ports.ts";
import type { ReportRequirement } from "../../shared/report.ts";
import { hostChecks, hostSpec } from "../../shared/requirements/host-checks.ts";
import { checkFor } from "../../shared/requirements/index.ts";
import type { RequirementContext } from "../../shared/requirements/requirement-check.ts";
import type { Requirement } from "../../shared/spec.ts";
import {
  firewall,
  groupHeld,
  heldPorts,
  lowPorts,
  nameServers,
  timeService,
  type HeldPorts,
} from "./findings.ts";
import type { DoctorSubject } from "./subject.ts";

/** As a requirement of a report, of the one node that this host is. */
export type DoctorCheck = Omit<ReportRequirement, "node" | "toward" | "level">;

/** What `portmesh doctor -o json` prints. */
export interface DoctorReport {
  apiVersion: "portmesh/v1";
  kind: "Doctor";
  /** The name that the host has of itself, and that of its node in the cluster file. */
  host: string;
  node: string | null;
  cluster: string | null;
  specs: readonly { id: string; version: string }[];
  phase: CheckPhase;
  /** RFC 3339, UTC. */
  at: string;
  summary: Record<Verdict, number> & { verdict: Verdict };
  checks: readonly DoctorCheck[];
  /** Ports that the node must hold and somebody has now. */
  held: readonly Omit<HeldPorts, "belongs">[];
  notes: readonly string[];
  facts: NodeFacts;
}

/** Kinds of requirements that a host can tell by itself. */
const ownKinds: ReadonlySet<Requirement["kind"]> = new Set(["sysctl", "kernel-module", "address", "clock"]);
const nameServerMs = 2_000;
const startKey = "net.ipv4.ip_unprivileged_port_start";

export async function examine(
  subject: DoctorSubject,
  host: HostAccess,
  signal: AbortSignal,
): Promise<DoctorReport> {
  const planned = subject.requirements.filter(({ row }) => ownKinds.has(row.kind));
  const needs = planned.map((each) => checkFor(each.row)?.needs?.(each) ?? {});
  const [facts, rules, low, servers] = await Promise.all([
    readNodeFacts(
      {
        sysctls: [startKey, ...needs.flatMap(({ sysctls = [] }) => sysctls)],
        modules: needs.flatMap(({ modules = [] }) => modules),
        certificates: [],
        downloads: [],
      },
      { ...host, certificateAt: nothingAsked, download: nothingAsked },
      signal,
    ),
    readFirewall(host.roots, host.run, signal),
    lowPortFault(),
    Promise.all(
      readNameServers(host.roots).map(async (address) => ({
        address,
        outcome: await askNameServer(address, nameServerMs),
      })),
    ),
  ]);
  const held = findHeld(subject);
  const { node, phase } = subject;
  const checks: DoctorCheck[] = [
    ...hostChecks(contextOf(subject, facts, host.now()))(node),
    lowPorts(node, low, Number(facts.sysctls[startKey] ?? 1_024)),
    ...heldPorts(node, held, phase),
    ...nameServers(servers),
    timeService(facts.clock),
    firewall(rules),
  ].map(({ node: _node, ...finding }) => ({ spec: hostSpec, ...finding }));
  const notes = [...subject.notes];
  for (const each of planned) {
    const { name, kind, description: text, doc } = each.row;
    const findings = checkFor(each.row)!.judge(each, contextOf(subject, facts, host.now()));
    if (Array.isArray(findings))
      checks.push(
        ...findings.map(({ node: _node, toward: _toward, ...finding }) => ({
          spec: each.spec,
          name,
          kind,
          text,
          doc,
          ...finding,
        })),
      );
    else notes.push(`${each.spec}/${name} is for people to confirm: ${findings.stated}`);
  }
  const counts = Object.fromEntries(
    verdicts.map((verdict) => [verdict, checks.filter((check) => check.verdict === verdict).length]),
  ) as Record<Verdict, number>;
  return {
    apiVersion: "portmesh/v1",
    kind: "Doctor",
    host: hostname(),
    node: subject.name ?? null,
    cluster: subject.cluster ?? null,
    specs: subject.specs.map(({ id, version }) => ({ id, version })),
    phase,
    at: host.now().toISOString(),
    summary: { ...counts, verdict: checks.map(({ verdict }) => verdict).reduce<Verdict>(worse, "pass") },
    checks,
    held: held.map(({ transport, ports, owner }) => ({ transport, ports, owner })),
    notes,
    facts,
  };
}

/** Other nodes are not asked: that is what a check is for. */
function contextOf(
  { node, phase, thresholds }: DoctorSubject,
  facts: NodeFacts,
  now: Date,
): RequirementContext {
  return {
    phase,
    now,
    thresholds,
    proxies: [],
    nodes: [node],
    facts: () => facts,
    clock: () => undefined,
    bandwidth: () => undefined,
    endpoints: [],
    paths: [],
  };
}

function nothingAsked(): never {
  throw new Error("a doctor looks at no certificates and measures no downloads");
}

function findHeld({ node, hostServices }: DoctorSubject): HeldPorts[] {
  const owners = new PortOwners();
  return groupHeld(
    node.listeners.flatMap(({ transport, address, ports }) =>
      Array.from(eachPort(ports)).flatMap((port) => {
        const owner = owners.listenerAt({ transport, address, port });
        if (owner === undefined) return [];
        const isOfHost = hostServices.has(`${transport} ${port}`);
        const belongs = isAgent(owner) ? "agent" : isOfHost ? "host" : undefined;
        return [{ transport, port, owner, belongs }];
      }),
    ),
  );
}

/** `node (pid 812)`: started as `… main.ts agent run`. */
function isAgent(owner: string): boolean {
  const pid = /\(pid (\d+)\)$/.exec(owner)?.[1];
  if (pid === undefined) return false;
  try {
    const words = readFileSync(join("/proc", pid, "cmdline"), "utf8").split("\0");
    return words.some((word, index) => /cli\/main\.[jt]s$/.test(word) && words[index + 1] === "agent");
  } catch {
    return false;
  }
}
