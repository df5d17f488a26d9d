/** What the kernel says of interfaces and addresses and Node does not pass on: `ip -json address` (ip-address(8)). */
import type { CommandAnswer } from "./command.ts";

export interface KernelAddress {
  /** Undefined where it is valid for ever. */
  validSeconds: number | undefined;
}

export interface KernelInterface {
  index: number;
  mtu: number;
  /** By address. */
  addresses: ReadonlyMap<string, KernelAddress>;
}

export const addressArguments = ["-json", "address"];

/** All bits set (RFC 4861 section 4.6.2): no end. */
const forEver = 0xffff_ffff;

/** By name; undefined where the tool is missing or too old to say it in JSON. */
export function readKernelInterfaces(
  answer: CommandAnswer,
): ReadonlyMap<string, KernelInterface> | undefined {
  if (!("out" in answer)) return undefined;
  const found = new Map<string, KernelInterface>();
  for (const link of listOf(parse(answer.out))) {
    const { ifname, ifindex, mtu, addr_info: list } = link;
    if (typeof ifname !== "string" || typeof ifindex !== "number" || typeof mtu !== "number") continue;
    const addresses = listOf(list).flatMap((entry): [string, KernelAddress][] => {
      const { local, valid_life_time: seconds } = entry;
      if (typeof local !== "string" || typeof seconds !== "number") return [];
      return [[local, { validSeconds: seconds === forEver ? undefined : seconds }]];
    });
    found.set(ifname, { index: ifindex, mtu, addresses: new Map(addresses) });
  }
  return found.size === 0 ? undefined : found;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value)
    ? value.filter((each): each is Record<string, unknown> => typeof each === "object" && each !== null)
    : [];
}
