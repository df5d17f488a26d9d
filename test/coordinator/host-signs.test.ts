/** What all probes of a pair say together: whether a host is gone, or only silent on a port. */
import t from "tap";
import { hasVanished, HostSignsByAddress, type HostSigns } from "../../coordinator/host-signs.ts";
import { neighbourTimeoutMs } from "../../shared/judge.ts";
import { outcomeKinds, type OutcomeKind, type ProbePhase, type Transport } from "../../shared/names.ts";

const nothing: HostSigns = {
  neighbourTimeout: false,
  silentConnect: false,
  proved: false,
  answered: false,
  icmp: false,
};

function signsOf(
  kind: OutcomeKind,
  parts: { phase?: ProbePhase; elapsedMs?: number; transport?: Transport; attempts?: number } = {},
): HostSigns | undefined {
  const { phase = "connect", elapsedMs = 1, transport = "tcp", attempts = 1 } = parts;
  const signs = new HostSignsByAddress();
  signs.record(0, "10.0.0.2", transport, { kind, phase, elapsedMs, attempts });
  return signs.of(0, "10.0.0.2");
}

t.test("each outcome is a sign of its own", async (t) => {
  t.strictSame(signsOf("open", { phase: "answer" }), { ...nothing, proved: true });
  t.strictSame(signsOf("unreachable", { elapsedMs: neighbourTimeoutMs }), {
    ...nothing,
    neighbourTimeout: true,
  });
  t.strictSame(signsOf("unreachable", { elapsedMs: 2 }), { ...nothing, icmp: true });
  t.strictSame(signsOf("silent"), { ...nothing, silentConnect: true });
  t.strictSame(
    signsOf("silent", { phase: "tls", attempts: 2 }),
    { ...nothing, answered: true },
    "TCP connects",
  );
  t.strictSame(signsOf("silent", { phase: "tls" }), nothing, "it may have been cut off right then");
  t.strictSame(
    signsOf("silent", { phase: "answer", transport: "udp" }),
    nothing,
    "UDP says nothing by silence",
  );
  t.strictSame(signsOf("local-error"), nothing, "and this host's own errors say nothing of another");
  for (const kind of outcomeKinds) {
    if (["open", "unreachable", "silent", "local-error"].includes(kind)) continue;
    t.strictSame(signsOf(kind), { ...nothing, answered: true }, kind);
  }
});

t.test("signs add up, each pair of node and address for itself", async (t) => {
  const signs = new HostSignsByAddress();
  signs.record(0, "10.0.0.2", "tcp", { kind: "silent", phase: "connect", elapsedMs: 4_000, attempts: 1 });
  signs.record(0, "10.0.0.2", "udp", { kind: "silent", phase: "answer", elapsedMs: 4_000, attempts: 1 });
  signs.record(0, "10.0.0.2", "tcp", { kind: "open", phase: "answer", elapsedMs: 1, attempts: 1 });
  signs.record(1, "10.0.0.2", "tcp", { kind: "refused", phase: "connect", elapsedMs: 1, attempts: 1 });
  t.strictSame(signs.of(0, "10.0.0.2"), { ...nothing, silentConnect: true, proved: true });
  t.strictSame(signs.of(1, "10.0.0.2"), { ...nothing, answered: true });
  t.equal(signs.of(0, "10.0.0.3"), undefined);
});

t.test(
  "a host has vanished by what was and what was not heard of it, and by how its agent left",
  async (t) => {
    const noNeighbour = { ...nothing, neighbourTimeout: true };
    const mute = { ...nothing, silentConnect: true };
    const cases: [HostSigns | undefined, alive: boolean, silent: boolean, closed: boolean][] = [
      [undefined, false, false, false],
      [nothing, false, false, false],
      [noNeighbour, true, true, true],
      [{ ...noNeighbour, proved: true }, false, true, true],
      [{ ...noNeighbour, answered: true }, false, false, false],
      [mute, false, true, false],
      [{ ...mute, proved: true }, false, true, false],
      [{ ...mute, answered: true }, false, false, false],
    ];
    for (const [signs, alive, silent, closed] of cases) {
      t.strictSame(
        (["alive", "silent", "closed"] as const).map((agent) => hasVanished(signs, agent)),
        [alive, silent, closed],
        JSON.stringify(signs),
      );
    }
  },
);
