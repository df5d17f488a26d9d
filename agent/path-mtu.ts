/**
 * Finds black holes: paths on which small packets pass and large ones are lost without a word, because a link
 * is narrower than its ends and the ICMP message that says so is dropped on the way.
 */
import type { ProbeContext, ProbeTarget } from "./protocols/protocol.ts";
import { exchange } from "./protocols/sized.ts";

/** A port that has answered small probes. */
export interface KnownPort {
  transport: "tcp" | "udp";
  target: ProbeTarget;
}

export interface BlackHole {
  /** The largest packet that passes both ways, in bytes with its IP header. */
  pathMtu: number;
  /** Which way the large ones are lost: to the far node, or back from it. */
  lost: "there" | "back";
}

/** Whatever the MTU of the hosts is, segments of the largest size are among these. */
const largeBytes = 4_096;
/** Time for path MTU discovery to work where it can: a lost segment is sent again within a second. */
const patienceMs = 3_000;
/** IPv4 hosts must take this much (RFC 1122 section 3.3.2): narrower links are not looked for. */
const smallestPacket = 576;
/** The largest that is looked for: Ethernet's. */
const largestPacket = 1_500;
const sizesAtOnce = 16;
const sizeTimeoutMs = 1_000;

/** Undefined where large packets pass, or where not even small ones do any more. */
export async function findBlackHole(known: KnownPort, context: ProbeContext): Promise<BlackHole | undefined> {
  const pass = (request: number, answer: number, timeoutMs: number): Promise<boolean> =>
    exchange(known.transport, known.target, { request, answer }, context, timeoutMs);
  const large = known.transport === "tcp" ? largeBytes : payloadOf(largestPacket, known);
  for (let attempt = 0; attempt < 2; attempt++) if (await pass(large, large, patienceMs)) return undefined;
  // Without this, a path that has just broken would be called narrow.
  if (!(await pass(128, 128, patienceMs))) return undefined;
  let passes = smallestPacket;
  let stalls = largestPacket + 1;
  while (stalls - passes > 1) {
    const step = Math.max(1, Math.ceil((stalls - passes) / (sizesAtOnce + 1)));
    const sizes = Array.from({ length: sizesAtOnce }, (_, index) => passes + (index + 1) * step).filter(
      (size) => size < stalls,
    );
    const passed = await Promise.all(
      sizes.map((size) => pass(payloadOf(size, known), payloadOf(size, known), sizeTimeoutMs)),
    );
    const largestPassed = sizes.findLast((_, index) => passed[index]);
    if (largestPassed !== undefined) passes = largestPassed;
    stalls = Math.min(stalls, sizes.find((size, index) => size > passes && !passed[index]) ?? stalls);
  }
  if (passes === largestPacket) return undefined;
  const isBack = await pass(payloadOf(stalls, known), 64, sizeTimeoutMs);
  return { pathMtu: passes, lost: isBack ? "back" : "there" };
}

/** What fills a packet of this size: without the IP header and that of UDP, or of TCP with its timestamps. */
function payloadOf(packet: number, { transport, target }: KnownPort): number {
  const ip = target.address.includes(":") ? 40 : 20;
  return packet - ip - (transport === "udp" ? 8 : 32);
}
