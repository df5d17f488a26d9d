/**
 * Kind `clock`: clocks of the nodes agree within thresholds.clock, and a time service keeps them. What a node
 * measured at time servers of the same spec counts, too.
 */
import type { NodeFacts } from "../node-facts.ts";
import type { PlannedNode } from "../plan.ts";
import type { ReportEndpoint } from "../report.ts";
import { ClockSpread } from "./clock-spread.ts";
import {
  met,
  unknownYet,
  unmet,
  type ClockOffset,
  type RequirementCheck,
  type RequirementContext,
  type RequirementFinding,
} from "./requirement-check.ts";

export const clock: RequirementCheck = {
  how: () => ({
    how: "measured",
    text: "clocks are compared through the coordinator, and the host's time service is asked",
  }),
  judge({ on }, context) {
    const spread = new ClockSpread(on, context.clock);
    return on.map((index) => judgeNode(context.nodes[index]!, on.length, spread, context));
  },
};

/** One thing that is known of a clock: `ok` undefined where it cannot be told. */
interface Sign {
  ok: boolean | undefined;
  text: string;
  from?: string;
}

function judgeNode(
  node: PlannedNode,
  count: number,
  spread: ClockSpread,
  context: RequirementContext,
): RequirementFinding {
  const { clockMs } = context.thresholds;
  const facts = context.facts(node.index);
  const others = count < 2 ? "" : `within ${clockMs} ms of the other nodes and `;
  const expected = `${others}kept by a time service`;
  if (facts === undefined) return unknownYet(node, expected, "agent-missing");
  const served = signOfServers(context.endpoints, node.name, clockMs);
  const kept = signOfService(facts.clock, clockMs, served);
  const apart = count < 2 ? undefined : signOfSpread(node.index, spread, context);
  const signs = [apart, served, kept].filter((sign) => sign !== undefined);
  const from = signs.flatMap((sign) => sign.from ?? []).join(", ");
  const finding = {
    node: node.name,
    expected,
    actual: signs.map(({ text }) => text).join("; "),
    ...(from === "" ? {} : { from }),
  };
  if (signs.some(({ ok }) => ok === false)) return unmet({ ...finding, remedy: remedyFor(facts.clock) });
  if (signs.every(({ ok }) => ok === true)) return met(finding);
  return { verdict: "unknown", reason: "never-probed", ...finding };
}

/** Compared with the other nodes alone, whatever keeps the clock; undefined where nothing was compared. */
export function clockOffset(
  node: PlannedNode,
  spread: ClockSpread,
  context: RequirementContext,
): RequirementFinding | undefined {
  const { ok, text, from } = signOfSpread(node.index, spread, context);
  if (ok === undefined) return undefined;
  const expected = `within ${context.thresholds.clockMs} ms of the other nodes`;
  const finding = { node: node.name, expected, actual: text, ...(from === undefined ? {} : { from }) };
  const facts = context.facts(node.index);
  return ok ? met(finding) : unmet({ ...finding, remedy: remedyFor(facts?.clock ?? {}) });
}

function signOfSpread(node: number, spread: ClockSpread, { nodes, thresholds }: RequirementContext): Sign {
  const worst = spread.worstOf(node);
  if (worst === undefined) return { ok: undefined, text: "not compared with other nodes" };
  const text = `${offsetText(worst)} ${nodes[worst.other]!.name}`;
  return { ok: isWithin(worst, thresholds.clockMs), text, from: "compared through the coordinator" };
}

/** The most exact answer of a time server; undefined where none was asked. */
function signOfServers(
  endpoints: readonly ReportEndpoint[],
  node: string,
  thresholdMs: number,
): Sign | undefined {
  const measured = endpoints
    .filter(({ from }) => from === node)
    .flatMap(({ host, evidence }) =>
      evidence.attempts.flatMap((attempt) =>
        // Stratum 0 and 16 are servers that have no time themselves (RFC 5905 section 7.3).
        attempt.clock === undefined || attempt.clock.stratum < 1 || attempt.clock.stratum > 15
          ? []
          : [{ host, ...attempt.clock }],
      ),
    );
  const [best] = measured.toSorted((a, b) => a.errorMs - b.errorMs);
  if (best === undefined) return undefined;
  return {
    ok: isWithin(best, thresholdMs),
    text: `${offsetText(best)} ${best.host}`,
    from: `NTP to ${best.host}`,
  };
}

/** A node on which nothing tells, as in a container, may still agree with a time server. */
function signOfService(
  { synchronized, from, aheadMs, detail }: NodeFacts["clock"],
  thresholdMs: number,
  served: Sign | undefined,
): Sign | undefined {
  const source = from === undefined ? {} : { from };
  const about = detail === undefined ? "" : ` (${detail})`;
  if (synchronized === undefined)
    return served === undefined ? { ok: undefined, text: "no time service was found to ask" } : undefined;
  if (!synchronized) return { ok: false, text: `not synchronized${about}`, ...source };
  if (aheadMs === undefined || Math.abs(aheadMs) <= thresholdMs)
    return { ok: true, text: `synchronized${about}`, ...source };
  return { ok: false, text: `${offsetText({ aheadMs, errorMs: 0 })} its source${about}`, ...source };
}

/** Undefined where the error of the measurement does not let it be told. */
function isWithin({ aheadMs, errorMs }: ClockOffset, thresholdMs: number): boolean | undefined {
  if (Math.abs(aheadMs) + errorMs <= thresholdMs) return true;
  return Math.abs(aheadMs) - errorMs > thresholdMs ? false : undefined;
}

/** `12 ms (± 3 ms) ahead of` */
function offsetText({ aheadMs, errorMs }: ClockOffset): string {
  const error = errorMs === 0 ? "" : ` (± ${shortMs(errorMs)})`;
  return `${shortMs(Math.abs(aheadMs))}${error} ${aheadMs < 0 ? "behind" : "ahead of"}`;
}

function shortMs(ms: number): string {
  return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
}

function remedyFor({ from }: NodeFacts["clock"]): string {
  return from?.startsWith("chronyc") === true ? "chronyc makestep" : "timedatectl set-ntp true";
}
