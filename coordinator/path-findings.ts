/** Judges one path by what both ends reported, with the evidence for it: in a check and where a cluster is watched. */
import { localhostOf } from "../shared/addresses.ts";
import { judge, type Expectation, type Judgement, type PathQuality } from "../shared/judge.ts";
import { median } from "../shared/median.ts";
import { verdicts, type Verdict } from "../shared/names.ts";
import type { Outcome } from "../shared/outcome.ts";
import type { Path, Plan, Target } from "../shared/plan.ts";
import { countPorts, eachPort, formatPorts, type PortInterval, type PortSet } from "../shared/ports.ts";
import type { ReportPath } from "../shared/report.ts";
import type { Attendance } from "./attendance.ts";
import { farEndOf, type KnownFarEnd, type SeenOfHosts } from "./far-end.ts";

/** What is known of the probes from the near end of a path. */
export interface PathObservations extends SeenOfHosts {
  /** What one port of a target did, or undefined where nothing was reported. */
  outcome(target: Target, port: number): Outcome | undefined;
  /** Undefined where nothing was measured. */
  quality(target: Target, port: number): PathQuality | undefined;
  /** Whether only samples of this target's ports were to be probed. */
  isCut(target: Target): boolean;
  /** Where it is not told port by port which of a cut range were probed: what share of them, and when all of them last were, in milliseconds. */
  sample?(target: Target): { share: number; wholeAt: number | undefined } | undefined;
}

/** What is known of one port of a path on one address. */
interface PortFinding extends Judgement {
  port: number;
  target: Target | undefined;
  outcome: Outcome | undefined;
  farEnd: KnownFarEnd | undefined;
}

export function reportPath(
  path: Path,
  plan: Plan,
  observations: PathObservations,
  attendance: Attendance,
  serviceExpected: boolean,
): ReportPath {
  const targets = path.targets.map((id) => plan.pairs.target(id)!);
  const rtts: number[] = [];
  let probed = 0;
  /** Of a range that was cut short, what was not probed is no finding. */
  const isFinding = ({ outcome, target }: PortFinding): boolean =>
    outcome !== undefined || target === undefined || !observations.isCut(target);
  const all = Array.from(eachPort(path.ports), (port): PortFinding => {
    const perAddress = targets.map((target): PortFinding => {
      const outcome = observations.outcome(target, port);
      const heldAt = path.localOnly ? localhostOf(target.address) : target.address;
      const farEnd = farEndOf(target, port, heldAt, attendance, observations);
      if (outcome?.rttMs !== undefined) rtts.push(outcome.rttMs);
      // Nobody was there to probe: that is not the far end's doing.
      const judged =
        attendance.member(path.from) === undefined
          ? sourceMissing
          : judge(
              expectationOf(path, port, plan, serviceExpected),
              outcome,
              farEnd,
              observations.quality(target, port),
            );
      return { port, target, outcome, farEnd, ...judged };
    });
    if (perAddress.length > 0 && perAddress.every(({ outcome }) => outcome !== undefined)) probed++;
    return (
      worst(perAddress.filter(isFinding)) ??
      perAddress[0] ?? {
        port,
        target: undefined,
        outcome: undefined,
        farEnd: undefined,
        verdict: "unknown",
        reason: "never-probed",
      }
    );
  });
  // Of a sampled range the ports between two alike are taken for alike; the coverage says so.
  const sampled = all.filter(isFinding);
  const findings = sampled.length === 0 ? all : sampled;
  // One open port of several is enough, but one that must be shut is not.
  const shown = (path.anyOf && path.open ? best(findings) : worst(findings))!;
  const intervals = intervalsOf(findings, path.ports);
  const rttMs = median(rtts);
  const { covered, coveredAt } = coverageOf(targets, probed, observations);
  return {
    from: plan.nodes[path.from]!.name,
    to: plan.nodes[path.to]!.name,
    spec: path.spec,
    flow: path.flow,
    level: path.level,
    transport: path.transport,
    protocol: path.protocol,
    ports: formatPorts(path.ports),
    ...(path.anyOf ? { anyOf: true } : {}),
    expected: path.open ? "open" : "closed",
    verdict: shown.verdict,
    reason: shown.reason,
    rttMs: rttMs === undefined ? null : round(rttMs),
    coverage: `${covered}/${countPorts(path.ports)}`,
    ...(coveredAt === undefined ? {} : { coveredAt: new Date(coveredAt).toISOString() }),
    doc: path.doc,
    evidence: evidenceOf(shown, path, plan, attendance, observations),
    ...(intervals.length > 1 ? { intervals } : {}),
  };
}

/** Of ports that were probed or taken for probed, how many were; what was swept whole lately counts as that. */
function coverageOf(
  targets: readonly Target[],
  probed: number,
  observations: PathObservations,
): { covered: number; coveredAt: number | undefined } {
  const samples = targets.flatMap((target) => observations.sample?.(target) ?? []);
  const wholes = samples.flatMap(({ wholeAt }) => wholeAt ?? []);
  if (wholes.length === samples.length)
    return { covered: probed, coveredAt: wholes.length === 0 ? undefined : Math.min(...wholes) };
  const least = samples.reduce(
    (share, sample) => (sample.wholeAt === undefined ? Math.min(share, sample.share) : share),
    1,
  );
  return { covered: Math.ceil(least * probed), coveredAt: undefined };
}

const sourceMissing: Judgement = { verdict: "unknown", reason: "agent-missing" };

function expectationOf(
  path: Path,
  port: number,
  { thresholds }: Plan,
  serviceExpected: boolean,
): Expectation {
  return {
    open: path.open,
    transport: path.transport,
    node: path.to,
    ports: path.redirectTo === undefined ? [port] : [port, path.redirectTo],
    serviceExpected,
    thresholds,
  };
}

function agentState(node: number, attendance: Attendance): "alive" | "gone" | "missing" {
  const member = attendance.member(node);
  return member === undefined ? "missing" : member.connected ? "alive" : "gone";
}

/** The first of the worst; undefined of none. */
function worst<Finding extends Judgement>(findings: readonly Finding[]): Finding | undefined {
  return findings.toSorted((a, b) => verdicts.indexOf(b.verdict) - verdicts.indexOf(a.verdict))[0];
}

function best<Finding extends Judgement>(findings: readonly Finding[]): Finding | undefined {
  return findings.toSorted((a, b) => verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict))[0];
}

/** Neighbouring ports of the path with the same judgement, as intervals; of a range, the next that was probed is a neighbour. */
function intervalsOf(findings: readonly PortFinding[], all: PortSet): NonNullable<ReportPath["intervals"]> {
  const isSameRange = (a: number, b: number): boolean => all.some(([first, last]) => first <= a && b <= last);
  const runs: { ports: PortInterval; verdict: Verdict; reason: Judgement["reason"] }[] = [];
  for (const { port, verdict, reason } of findings) {
    const run = runs.at(-1);
    if (run !== undefined && run.reason === reason && isSameRange(run.ports[1], port))
      run.ports = [run.ports[0], port];
    else runs.push({ ports: [port, port], verdict, reason });
  }
  // A list of scattered ports with one verdict has gaps, not differences.
  if (new Set(runs.map(({ reason }) => reason)).size <= 1) return [];
  return runs.map(({ ports, verdict, reason }) => ({ ports: formatPorts([ports]), verdict, reason }));
}

function evidenceOf(
  finding: PortFinding,
  path: Path,
  plan: Plan,
  attendance: Attendance,
  observations: PathObservations,
): ReportPath["evidence"] {
  const quality =
    finding.target === undefined ? undefined : observations.quality(finding.target, finding.port);
  const { outcome, target, port, farEnd } = finding;
  const exception = farEnd?.exception;
  const proof = outcome?.proof;
  const sourceAddresses = plan.nodes[path.from]!.addresses;
  const isTranslated =
    proof !== undefined &&
    proof.seenAddress !== "" &&
    path.from !== path.to &&
    !sourceAddresses.includes(proof.seenAddress);
  const answeredElsewhere = proof !== undefined && (proof.node !== path.to || proof.port !== port);
  return {
    source: {
      ...(outcome === undefined
        ? {}
        : {
            outcome: outcome.kind,
            phase: outcome.phase,
            elapsedMs: round(outcome.elapsedMs),
            attempts: outcome.attempts,
          }),
      ...(outcome?.code === undefined ? {} : { code: outcome.code }),
      ...(outcome?.detail === undefined ? {} : { detail: outcome.detail }),
      ...(outcome?.exchange === undefined ? {} : { exchange: outcome.exchange }),
      ...(target === undefined
        ? { detail: "the two nodes have no address of the same family" }
        : { port, address: target.address }),
      ...(answeredElsewhere
        ? { answeredBy: { node: plan.nodes[proof.node]?.name ?? `#${proof.node}`, port: proof.port } }
        : {}),
      ...(quality === undefined || (quality.sent === 0 && quality.blackHole === undefined)
        ? {}
        : {
            quality: { ...quality, ...(quality.rttMs === undefined ? {} : { rttMs: round(quality.rttMs) }) },
          }),
      ...(isTranslated ? { seenAs: proof.seenAddress } : {}),
    },
    target: {
      agent: farEnd?.agent ?? agentState(path.to, attendance),
      ...(farEnd?.listener === undefined ? {} : { listener: farEnd.listener }),
      ...(farEnd?.sighting === undefined
        ? {}
        : { sawRequest: farEnd.sighting.sawRequest, sawConnection: farEnd.sighting.mute }),
      ...(farEnd?.impaired === true ? { impaired: true } : {}),
      ...(exception?.owner === undefined ? {} : { owner: exception.owner }),
      ...(exception?.detail === undefined ? {} : { detail: exception.detail }),
    },
  };
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
