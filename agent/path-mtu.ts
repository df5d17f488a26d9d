/**
 * Finds black holes: paths on which small packets pass and large ones are lost without a word, because a link
 * is narrower than its ends and the ICMP message that says so is dropped on the way.
 */
import { messageBytes } from "../shared/proof.ts";
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
/** How often small packets must pass while large ones fail. */
const proofs = 6;
/** The smallest encapsulation that makes a link narrower: an 802.1Q tag. */
const leastNarrow = 4;
const sizeTimeoutMs = 1_000;

/**
 * Undefined where large packets pass, and where small ones are lost too often to tell. On a path that loses
 * packets now and then, large ones must fail again and again while small ones come through.
 */
export async function findBlackHole(
  known: KnownPort,
  context: ProbeContext,
  until: AbortSignal,
): Promise<BlackHole | undefined> {
  const pass = (request: number, answer: number, timeoutMs: number): Promise<boolean> =>
    exchange(known.transport, known.target, { request, answer }, context, timeoutMs);
  const large = known.transport === "tcp" ? largeBytes : payloadOf(largestPacket, known);
  if (await pass(large, large, patienceMs)) return undefined;
  let smallPassed = 0;
  let sent = 0;
  while (smallPassed < proofs) {
    if (until.aborted || sent >= proofs * 4) return undefined;
    const pairs = Array.from({ length: proofs }, () =>
      Promise.all([pass(large, large, patienceMs), pass(128, 128, patienceMs)]),
    );
    for (const [largePassed, small] of await Promise.all(pairs)) {
      if (largePassed) return undefined;
      if (small) smallPassed++;
      sent++;
    }
  }
  // As often as it takes for one of them to come through where packets are lost.
  const repeats = smallPassed === sent ? 2 : proofs;
  const anyPasses = async (size: number): Promise<boolean> => {
    const payload = payloadOf(size, known);
    const tries = Array.from({ length: repeats }, () => pass(payload, payload, sizeTimeoutMs));
    return (await Promise.all(tries)).includes(true);
  };
  let passes = smallestPacket;
  let stalls = largestPacket + 1;
  while (stalls - passes > 1 && !until.aborted) {
    const step = Math.max(1, Math.ceil((stalls - passes) / (sizesAtOnce + 1)));
    const sizes = Array.from({ length: sizesAtOnce }, (_, index) => passes + (index + 1) * step).filter(
      (size) => size < stalls,
    );
    const passed = await Promise.all(sizes.map(anyPasses));
    passes = sizes.findLast((_, index) => passed[index]) ?? passes;
    stalls = sizes.find((size, index) => size > passes && !passed[index]) ?? stalls;
  }
  // Nearly all of it passes: then what failed before was bad luck, or something else than a narrow link.
  if (passes > largestPacket - leastNarrow) return undefined;
  const there = Array.from({ length: repeats }, () =>
    pass(payloadOf(stalls, known), messageBytes, sizeTimeoutMs),
  );
  return { pathMtu: passes, lost: (await Promise.all(there)).includes(true) ? "back" : "there" };
}

/** What fills a packet of this size: without the IP header and that of UDP, or of TCP with its timestamps. */
function payloadOf(packet: number, { transport, target }: KnownPort): number {
  const ip = target.address.includes(":") ? 40 : 20;
  return packet - ip - (transport === "udp" ? 8 : 32);
}
