/** How many rules this host's own firewall has: nftables (nft(8), libnftables-json(5)) and the old tables of iptables. */
import { join } from "node:path";
import type { RunCommand } from "./command.ts";
import { readText, type HostRoots } from "./host-files.ts";

export interface FirewallRules {
  rules: number;
  tables: number;
  /** Tables of the old iptables, whose rules nftables does not show: `filter`, `nat`. */
  legacy: readonly string[];
}

/** A host of many services has tens of thousands. */
const maxBytes = 64 * 1024 * 1024;

/** A text says why they cannot be read. */
export async function readFirewall(
  { proc }: HostRoots,
  run: RunCommand,
  signal: AbortSignal,
): Promise<FirewallRules | string> {
  const answer = await run("nft", ["--json", "--terse", "list", "ruleset"], signal, maxBytes);
  if ("missing" in answer) return "nft is not installed";
  if ("failed" in answer) return `nft list ruleset: ${answer.failed.trim().split("\n")[0]!}`;
  const legacy = ["ip_tables_names", "ip6_tables_names"].flatMap((file) =>
    (readText(join(proc, "net", file)) ?? "").split("\n").filter((name) => name !== ""),
  );
  // Every object of the list has one member, which says what it is.
  const count = (kind: string): number => answer.out.split(`{"${kind}":`).length - 1;
  return { rules: count("rule"), tables: count("table"), legacy: [...new Set(legacy)] };
}
