/** What failures become when the kernel was asked. Firewalls of this host's own are the lab's business. */
import t from "tap";
import { alwaysWell } from "../../agent/health.ts";
import type { KernelCounters } from "../../agent/kernel-counters.ts";
import { readKernelCounters } from "../../agent/kernel-counters.ts";
import { askKernel } from "../../agent/kernel-look.ts";
import { defaultLimits, type ProbeOrder, type ProbeResult } from "../../agent/prober.ts";
import { protocols } from "../../agent/protocols/index.ts";
import type { Protocol } from "../../agent/protocols/protocol.ts";
import { rejectedNearbyCode } from "../../shared/judge.ts";
import type { OutcomeKind } from "../../shared/names.ts";
import type { Outcome } from "../../shared/outcome.ts";
import { createFixture, freePort } from "../helpers/agent-fixtures.ts";

const never = new AbortController().signal;
const nothing: KernelCounters = { unreachablesIn: 0, retransmitsRefused: 0, loopbackPackets: 0 };
/** An address of this host, so that no refusal is suspected to be its firewall's. */
const order: ProbeOrder = {
  id: 0,
  from: 0,
  to: 1,
  address: "127.0.0.1",
  protocol: "tcp",
  serverName: "x",
  ports: [[1, 65_535]],
};
const outcomeOf = (kind: OutcomeKind): Outcome => ({ kind, phase: "connect", elapsedMs: 1, attempts: 2 });
const resultOf = (port: number, kind: OutcomeKind): ProbeResult => ({
  order,
  port,
  outcome: outcomeOf(kind),
});

/** Asks with a far end that is the given function, and says which ports it was asked for. */
async function ask(
  failures: readonly ProbeResult[],
  counted: Partial<KernelCounters>,
  far: (port: number) => OutcomeKind,
): Promise<{ results: ProbeResult[]; asked: number[] }> {
  using fixture = await createFixture();
  const asked: number[] = [];
  const probe: Protocol["probe"] = ({ port }) => {
    asked.push(port);
    return Promise.resolve(outcomeOf(far(port)));
  };
  const dependencies = {
    protocols: { ...protocols, tcp: { ...protocols.tcp, probe } },
    context: await fixture.probing("zero"),
    limits: defaultLimits,
    health: { ...alwaysWell, counters: readKernelCounters },
  };
  return { results: await askKernel(failures, { ...nothing, ...counted }, dependencies, never), asked };
}

const codes = (results: readonly ProbeResult[]): string[] =>
  results.map(({ port, outcome: { kind, code } }) => `${port} ${kind} ${code ?? ""}`.trim());

t.test("where no counter moved, silence stays silence and costs no probe", async (t) => {
  const failures = Array.from({ length: 20 }, (_, index) => resultOf(1 + index, "silent"));
  const { results, asked } = await ask(failures, {}, () => "refused");
  t.strictSame(results, failures);
  t.strictSame(asked, []);
});

t.test("a silent range of which every one is rejected when asked alone is rejected as a whole", async (t) => {
  const failures = Array.from({ length: 20 }, (_, index) => resultOf(1 + index, "silent"));
  const { results } = await ask(failures, { unreachablesIn: 6 }, () => "refused");
  t.ok(results.every(({ outcome: { kind, code } }) => kind === "silent" && code === rejectedNearbyCode));
});

t.test(
  "silent ports among rejected ones share their fate, as far as both ends of the range do",
  async (t) => {
    const failures = Array.from({ length: 500 }, (_, index) =>
      resultOf(1_000 + index, index >= 200 && index < 206 ? "refused" : "silent"),
    );
    const { results, asked } = await ask(failures, { unreachablesIn: 6 }, () => "refused");
    t.equal(results.length, 500);
    for (const [index, { port, outcome }] of results.entries()) {
      if (port >= 1_200 && port < 1_206) t.strictSame(outcome, failures[index]?.outcome);
      else t.match(outcome, { kind: "silent", code: rejectedNearbyCode, detail: /neighbours/ }, String(port));
    }
    t.strictSame(asked, [1_000, 1_499], "hundreds are explained by two probes");
  },
);

t.test("where the rejected ports end is found, and beyond them silence is silence", async (t) => {
  const failures = [1, 2, 3, 4, 5, 6, 8].map((port) => resultOf(port, port === 2 ? "refused" : "silent"));
  const { results } = await ask(failures, { unreachablesIn: 1 }, (port) =>
    port <= 3 ? "refused" : "silent",
  );
  t.strictSame(codes(results), [
    `1 silent ${rejectedNearbyCode}`,
    "2 refused",
    `3 silent ${rejectedNearbyCode}`,
    "4 silent",
    "5 silent",
    "6 silent",
    "8 silent",
  ]);
});

t.test("a refusal between addresses of one host comes over loopback, and is no firewall's", async (t) => {
  using fixture = await createFixture();
  const context = await fixture.probing("zero");
  const port = await freePort();
  const outcome = await protocols.tcp.probe({ ...order, port }, context);
  t.equal(outcome.kind, "refused");
  const failures = [{ order, port, outcome }];
  const dependencies = {
    protocols,
    context,
    limits: defaultLimits,
    health: { ...alwaysWell, counters: readKernelCounters },
  };
  // Other traffic on loopback hides what would be found here: nothing may be found however often it is looked.
  for (let round = 0; round < 5; round++)
    t.strictSame(await askKernel(failures, nothing, dependencies, never), failures);
});
