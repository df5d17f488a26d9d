/** The part of an inspection that looks at the world outside. Imported when it is asked for. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EndpointsMessage, InspectMessage } from "../../shared/wire.ts";
import type { Health } from "../health.ts";
import type { AddressPolicy, Policy } from "../policy.ts";
import { eagerDatagrams } from "../protocols/udp.ts";
import { TokenBucket } from "../token-bucket.ts";
import { EndpointPolicy } from "./endpoint-policy.ts";
import { ReportBatch } from "./report-batch.ts";
import { NodeResolver } from "./resolve.ts";
import { Trust } from "./tls-facts.ts";
import { visitAll } from "./visit.ts";

export interface InspectDependencies {
  policy: Policy;
  addresses: AddressPolicy;
  sourceFor: (address: string) => { localAddress?: string };
  health: Health;
  now: () => Date;
}

/** Whatever the coordinator says, an attempt takes no longer. */
const maxTimeoutMs = 60_000;
/** Reports wait this long for company. */
const flushMs = 200;
const paceMs = 10;

/** @throws PortmeshError where an order makes no sense. */
export async function inspectEndpoints(
  message: Pick<InspectMessage, "round" | "timeoutMs" | "endpoints" | "outside">,
  { policy, addresses, sourceFor, health, now }: InspectDependencies,
  send: (message: EndpointsMessage) => void,
  signal: AbortSignal,
): Promise<void> {
  const { round, endpoints, outside } = message;
  const bucket = new TokenBucket(policy.probesPerSecond, 1, performance.now());
  const batch = new ReportBatch((reports) => send({ type: "endpoints", round, reports }));
  const flushing = setInterval(() => batch.flush(), flushMs);
  try {
    await visitAll(
      endpoints,
      outside,
      {
        policy: new EndpointPolicy(addresses, policy.endpoints),
        resolver: new NodeResolver(),
        trust: new Trust(outside, now),
        timeoutMs: Math.min(maxTimeoutMs, message.timeoutMs),
        sourceFor,
        health,
        datagrams: eagerDatagrams,
        async pace(until) {
          while (!until.aborted && !bucket.take(performance.now())) await sleep(paceMs);
        },
      },
      (report) => batch.add(report),
      signal,
    );
  } finally {
    clearInterval(flushing);
  }
  if (!signal.aborted) batch.flush();
}
