/** Settings of the kernel, by name, and those of the port numbers that it gives to connections. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { sysctlPath } from "../../shared/sysctl-name.ts";
import { printable } from "../protocols/services/exchange.ts";
import { readPublicText, readText, type HostRoots } from "./host-files.ts";

/** As much as travels; a longer one could not be compared. */
const maxValue = 200;

/** Null where the host has none of that name; what is no name or may not be read is left out. */
export function readSysctls(names: readonly string[], { proc }: HostRoots): NodeFacts["sysctls"] {
  const found: NodeFacts["sysctls"] = {};
  for (const name of names) {
    const below = sysctlPath(name);
    if (below === undefined) continue;
    const path = join(proc, "sys", below);
    const text = readPublicText(path, 2 * maxValue)?.trim();
    if (text === undefined) {
      // Without any setting there is no /proc/sys to speak of.
      if (existsSync(join(proc, "sys")) && !existsSync(path)) found[name] = null;
    } else if (text.length <= maxValue) {
      found[name] = printable(text);
    }
  }
  return found;
}

/** ip-sysctl.rst: `ip_local_port_range` of the kernel's documentation. Undefined where it cannot be read. */
export function readEphemeral({ proc }: HostRoots): NodeFacts["ephemeral"] {
  const folder = join(proc, "sys/net/ipv4");
  const range = /^(\d{1,5})\s+(\d{1,5})\s*$/.exec(readText(join(folder, "ip_local_port_range")) ?? "");
  const reserved = readText(join(folder, "ip_local_reserved_ports"))?.trim();
  if (range === null || reserved === undefined || !/^[\d,-]{0,10000}$/.test(reserved)) return undefined;
  return { first: Number(range[1]), last: Number(range[2]), reserved };
}
