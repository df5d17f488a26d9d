/** When probing is under way, as the network knows it: no agent has to say so. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "./faults.ts";
import type { Lab } from "./lab.ts";

const patienceMs = 60_000;

/** Counts the packets that cross the router towards these ports, of both transports, and lets them pass. */
export function countCrossing(lab: Lab, ports: string): Promise<Fault> {
  return lab.rules(
    "router",
    `chain forward {
      type filter hook forward priority -10; policy accept;
      tcp dport ${ports} counter
      udp dport ${ports} counter
    }`,
  );
}

/** Resolves once so many packets were met. */
export async function met(fault: Fault, packets: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while ((await fault.packets()) < packets) {
    if (performance.now() > deadline) throw new Error(`no ${packets} packets in ${patienceMs} ms`);
    await sleep(5);
  }
}
