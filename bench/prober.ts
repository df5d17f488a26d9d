/**
 * The prober of an agent as the bench runs it, in a process of its own: the real engine and protocols, with
 * its rate limits lifted.
 *
 *   prober.ts tcp|udp ADDRESS FIRST LAST KEY_BASE64URL EPOCH COUNT CONCURRENCY
 */
import { runPinglist, type ProbeOrder } from "../agent/prober.ts";
import { alwaysWell } from "../agent/health.ts";
import { protocols } from "../agent/protocols/index.ts";
import { secureContext } from "../agent/protocols/tls.ts";
import { eagerDatagrams } from "../agent/protocols/udp.ts";
import { UdpSweep } from "../agent/protocols/udp-sweep.ts";
import type { ProtocolName } from "../shared/names.ts";
import { epochKey } from "../shared/proof.ts";

const [protocol, address, first, last, secret, epoch, count, concurrency] = process.argv.slice(2) as [
  ProtocolName,
  ...string[],
];
const range: [number, number] = [Number(first), Number(last)];
const perOrder = range[1] - range[0] + 1;
const orders = Array.from({ length: Math.ceil(Number(count) / perOrder) }, (_, id): ProbeOrder => {
  const left = Math.min(perOrder, Number(count) - id * perOrder);
  return {
    id,
    from: 0,
    to: 1,
    address: address!,
    protocol,
    serverName: "bench",
    ports: [[range[0], range[0] + left - 1]],
  };
});
const udp = new UdpSweep();
const anonymous = secureContext("");
const context = {
  epoch: epochKey(Number(epoch), secret!),
  timeoutMs: 4_000,
  source: {},
  credentials: { anonymous, identified: anonymous },
  udp,
  datagrams: eagerDatagrams,
  open: new Set<{ destroy(): void }>(),
};
const unlimited = {
  young: Number(concurrency),
  open: 4_096,
  openPerNode: 4_096,
  ratePerSecond: 1e9,
  ratePerNodePerSecond: 1e9,
  sweepMs: Number.POSITIVE_INFINITY,
};
let failed = 0;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
await runPinglist(
  orders,
  { protocols, context, limits: unlimited, health: alwaysWell },
  ({ outcome }) => {
    if (outcome.kind !== "open") failed++;
  },
  new AbortController().signal,
);
const seconds = (performance.now() - startedAt) / 1_000;
const { user, system } = process.cpuUsage(cpuBefore);
console.log(
  JSON.stringify({
    probes: Number(count),
    failed,
    seconds,
    cpu: (user + system) / 1e6,
    rssMb: process.memoryUsage.rss() / 1e6,
  }),
);
udp.close();
