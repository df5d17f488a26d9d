/** Address translation as nftables chains: what a firewall or a load balancer does to addresses and ports. */
import type { Endpoint } from "./faults.ts";

export interface TranslatedTraffic {
  to: Endpoint;
  transport: "tcp" | "udp";
  ports: string;
}

/** To this very host, whichever it is, on another port: a local service or a middlebox takes the traffic. */
export function redirectChain({ toPort, ...traffic }: TranslatedTraffic & { toPort: number }): string {
  return prerouting(matches(traffic).map(({ match }) => `${match} counter redirect to :${toPort}`));
}

/** To another host or another port of the same one. */
export function dnatChain({
  newTo,
  newPort,
  ...traffic
}: TranslatedTraffic & { newTo: Endpoint; newPort: number }): string {
  const target = {
    v4: (match: string): string => `${match} counter dnat ip to ${newTo.v4}:${newPort}`,
    v6: (match: string): string => `${match} counter dnat ip6 to [${newTo.v6}]:${newPort}`,
  };
  return prerouting(matches(traffic).map(({ family, match }) => target[family](match)));
}

/** The far end sees the router instead of the source. */
export function masqueradeChain(traffic: TranslatedTraffic): string {
  const rules = matches(traffic).map(({ match }) => `${match} counter masquerade`);
  return `chain postrouting {\n type nat hook postrouting priority srcnat;\n ${rules.join("\n ")}\n}`;
}

function prerouting(rules: readonly string[]): string {
  return `chain prerouting {\n type nat hook prerouting priority dstnat;\n ${rules.join("\n ")}\n}`;
}

function matches({ to, transport, ports }: TranslatedTraffic): { family: "v4" | "v6"; match: string }[] {
  return (["v4", "v6"] as const).map((family) => ({
    family,
    match: `${family === "v4" ? "ip" : "ip6"} daddr ${to[family]} ${transport} dport ${ports}`,
  }));
}
