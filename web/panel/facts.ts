/** Evidence of a path as names and values, the telling ones first. */
import type { PathDetail } from "../../shared/api.ts";

export type Fact = readonly [name: string, value: string];
type Evidence = PathDetail["evidence"];

export function nearFacts(source: Evidence["source"]): Fact[] {
  const { outcome, phase, code, detail, exchange, elapsedMs, attempts, port, address, answeredBy } = source;
  return present([
    ["outcome", outcome],
    ["in phase", phase],
    ["code", code],
    ["detail", detail],
    ["spoke", exchange],
    ["to", address === undefined ? undefined : port === undefined ? address : `${address} port ${port}`],
    ["after", elapsedMs === undefined ? undefined : `${rounded(elapsedMs)} ms`],
    ["attempts", attempts],
    ["answered by", answeredBy === undefined ? undefined : `${answeredBy.node} port ${answeredBy.port}`],
    ["seen as", source.seenAs],
  ]);
}

export function farFacts(target: Evidence["target"]): Fact[] {
  const { agent, listener, sawRequest, sawConnection, owner, detail, impaired } = target;
  return present([
    ["agent", agent],
    ["listener", listener],
    ["held by", owner],
    ["request", sawRequest === undefined ? undefined : sawRequest ? "arrived" : "did not arrive"],
    ["connection", sawConnection === undefined ? undefined : sawConnection ? "arrived" : "did not arrive"],
    ["impaired", impaired === true ? "yes" : undefined],
    ["detail", detail],
  ]);
}

function present(facts: readonly [string, string | number | undefined][]): Fact[] {
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`] as const]));
}

function rounded(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : ms.toFixed(0);
}
