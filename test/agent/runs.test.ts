/** Neighbouring results that tell one story, and what is taken of them. */
import t from "tap";
import type { ProbeOrder, ProbeResult } from "../../agent/prober.ts";
import { keyOf, ordersOf, runsOf, samplesOf } from "../../agent/runs.ts";
import type { OutcomeKind } from "../../shared/names.ts";
import { formatPorts } from "../../shared/ports.ts";

const orderOf = (id: number): ProbeOrder => ({
  id,
  from: 0,
  to: 1,
  address: "10.0.0.2",
  protocol: "tcp",
  serverName: "x",
  ports: [[1, 65_535]],
});
const orders = [orderOf(0), orderOf(1)];
const resultOf = (port: number, kind: OutcomeKind = "silent", id = 0): ProbeResult => ({
  order: orders[id]!,
  port,
  outcome: { kind, phase: "connect", elapsedMs: 1, attempts: 1 },
});
const portsOf = (runs: readonly (readonly ProbeResult[])[]) =>
  runs.map((run) => `${run[0]!.order.id}: ${run.map(({ port }) => port).join(" ")}`);

t.test("a run is neighbouring ports of one order with the same kind of outcome", async (t) => {
  t.strictSame(runsOf([]), []);
  t.strictSame(
    portsOf(
      runsOf([
        resultOf(12),
        resultOf(10),
        resultOf(11),
        resultOf(14),
        resultOf(13, "refused"),
        resultOf(16),
        resultOf(11, "silent", 1),
        resultOf(12, "silent", 1),
      ]),
    ),
    ["0: 10 11 12", "0: 13", "0: 14", "0: 16", "1: 11 12"],
    "in order of port, in whatever order they came",
  );
});

t.test("the caller says what is the same", async (t) => {
  const results = [resultOf(10), resultOf(11, "refused"), resultOf(13)];
  t.strictSame(portsOf(runsOf(results, () => true)), ["0: 10 11", "0: 13"], "but neighbours they must be");
});

t.test("samples are spread evenly and have both ends", async (t) => {
  const run = Array.from({ length: 100 }, (_, index) => resultOf(1_000 + index));
  t.strictSame(samplesOf(run.slice(0, 4), 4), run.slice(0, 4), "a short run is taken whole");
  t.strictSame(
    samplesOf(run, 4).map(({ port }) => port),
    [1_000, 1_033, 1_066, 1_099],
  );
  t.equal(new Set(samplesOf(run, 64).map(keyOf)).size, 64, "none twice");
});

t.test("results become orders for just their ports, one for each order they came from", async (t) => {
  const again = ordersOf([resultOf(12), resultOf(10), resultOf(11), resultOf(9, "silent", 1)]);
  t.strictSame(
    again.map(({ id, ports }) => `${id}: ${formatPorts(ports)}`),
    ["0: 10-12", "1: 9"],
  );
  t.match(again[0], { to: 1, address: "10.0.0.2", protocol: "tcp" });
});

t.test("a port of another order is another probe", async (t) => {
  t.not(keyOf(resultOf(11, "silent", 0)), keyOf(resultOf(11, "silent", 1)));
});
