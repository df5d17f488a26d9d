/**
 * Faults as nftables rules, for IPv4 and IPv6 alike. Each is a table of its own, so that it comes and goes at
 * once and never disturbs another one.
 */
import type { Namespace } from "./namespace.ts";

export const actions = {
  drop: "drop",
  "reject-reset": "reject with tcp reset",
  "reject-port": "reject with icmpx port-unreachable",
  "reject-admin": "reject with icmpx admin-prohibited",
  "reject-host": "reject with icmpx host-unreachable",
  "reject-net": "reject with icmpx no-route",
} as const;
export type FaultAction = keyof typeof actions;

export interface FaultRule {
  hook: "input" | "output" | "forward";
  /** Source and destination of the packets in question: a host, or all of a zone. */
  from?: Endpoint;
  to?: Endpoint;
  transport: "tcp" | "udp";
  /** `2379` or `30500-30599`: where the packets go to; all ports where it is absent. */
  ports?: string;
  /** Matches the way back instead: packets that come from these ports. */
  replies?: boolean;
  action: FaultAction;
}

/** Addresses or prefixes, one a family. */
export interface Endpoint {
  v4: string;
  v6: string;
}

let faults = 0;

/** An nft table in one namespace, until it is disposed of. */
export class Fault implements AsyncDisposable {
  readonly #where: Namespace;
  readonly #table: string;

  private constructor(where: Namespace, table: string) {
    this.#where = where;
    this.#table = table;
  }

  /** `chains` is what stands inside `table inet … { }`. */
  static async install(where: Namespace, chains: string): Promise<Fault> {
    faults++;
    const table = `fault${faults}`;
    await where.run("nft", ["-f", "-"], { input: `table inet ${table} {\n${chains}\n}\n` });
    return new Fault(where, table);
  }

  /** How many packets it has met: proof that a test tested the fault. */
  async packets(): Promise<number> {
    const listing = await this.#where.run("nft", ["list", "table", "inet", this.#table]);
    return listing.matchAll(/counter packets (\d+)/g).reduce((sum, match) => sum + Number(match[1]), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#where.isClosed) return;
    // Both in one step: adding makes sure that there is something to delete, so disposing twice is harmless.
    const input = `add table inet ${this.#table}\ndelete table inet ${this.#table}\n`;
    await this.#where.run("nft", ["-f", "-"], { input });
  }
}

export function chainOf(rule: FaultRule): string {
  return chain(rule.hook, rulesOf(rule));
}

/** Loses a share of the packets to and from the router's link to a host, each way for itself. */
export function lossChain(link: string, ratio: number): string {
  if (!(ratio >= 0.0001 && ratio <= 1))
    throw new RangeError(`loss is a ratio from 0.0001 to 1; found ${ratio}`);
  const lost = `numgen random mod 10000 <= ${Math.round(ratio * 10_000) - 1} counter drop`;
  return chain("forward", [`oifname "${link}" ${lost}`, `iifname "${link}" ${lost}`]);
}

function chain(hook: FaultRule["hook"], rules: readonly string[]): string {
  return `chain ${hook} {\n type filter hook ${hook} priority 0; policy accept;\n ${rules.join("\n ")}\n}`;
}

function rulesOf({ from, to, transport, ports, replies = false, action }: FaultRule): string[] {
  const side = replies ? "sport" : "dport";
  const match = ports === undefined ? `meta l4proto ${transport}` : `${transport} ${side} ${ports}`;
  const verdict = `${match} counter ${actions[action]}`;
  if (from === undefined && to === undefined) return [verdict];
  return (["v4", "v6"] as const).map((family) => {
    const protocol = family === "v4" ? "ip" : "ip6";
    const source = from === undefined ? "" : `${protocol} saddr ${from[family]} `;
    const destination = to === undefined ? "" : `${protocol} daddr ${to[family]} `;
    return `${source}${destination}${verdict}`;
  });
}
