/** Agents without a coordinator, on loopback: they start when they like, and their bundles make one report. */
import t from "tap";
import { readBundle, type CheckedBundle } from "../../coordinator/bundle.ts";
import { mergeBundles } from "../../coordinator/merge.ts";
import { buildReport } from "../../coordinator/report-builder.ts";
import type { OfflinePlan } from "../../shared/offline.ts";
import type { Report } from "../../shared/report.ts";
import { offlineBundle, plansOn, type OfflineParts } from "../helpers/offline.ts";

/** One agent's window, as the bundle that a merge would read. */
async function bundleOf(plan: OfflinePlan, parts: OfflineParts = {}): Promise<CheckedBundle> {
  return readBundle(await offlineBundle(plan, parts), plan.nodes[plan.node]!.name);
}

function reportOf(bundles: readonly CheckedBundle[]): { report: Report; notes: string[] } {
  const { plan, observations, attendance, facts, notes } = mergeBundles(bundles);
  return { report: buildReport(plan, observations, attendance, facts), notes };
}

t.test("one that starts later is found by the one that was there first", async (t) => {
  const { a, b } = await plansOn(31);
  const said: string[] = [];
  let late: Promise<CheckedBundle> | undefined;
  const first = await bundleOf(a, {
    tell(line) {
      said.push(line);
      // What was refused is tried again.
      if (line.startsWith("0 of 12")) late = bundleOf(b);
    },
  });
  const { report, notes } = reportOf([first, await late!]);
  t.equal(report.summary.verdict, "pass");
  t.equal(report.summary.probes, 24);
  t.strictSame(notes, []);
  t.match(said.at(-1), /^12 of 12 probes answered; holding the ports/);
});

t.test(
  "agents that never ran at the same time prove nothing, and nothing is said to be blocked",
  async (t) => {
    const { a, b } = await plansOn(32);
    const bundles = [await bundleOf(a, { windowMs: 1_000 }), await bundleOf(b, { windowMs: 1_000 })];
    const { report, notes } = reportOf(bundles);
    t.strictSame(
      [...new Set(report.paths.map(({ verdict, reason }) => `${verdict} ${reason}`))],
      ["unknown never-probed"],
    );
    t.strictSame(notes, [
      "a: 12 failed probes do not count: the peers' agents ran at other times",
      "b: 12 failed probes do not count: the peers' agents ran at other times",
    ]);
  },
);

t.test("a node without a bundle has no agent, and what was proven of it stays", async (t) => {
  const { a, b } = await plansOn(33);
  const [first] = await Promise.all([bundleOf(a), bundleOf(b)]);
  const { report } = reportOf([first]);
  t.equal(report.nodes[1]?.agent, null);
  t.ok(report.paths.filter(({ from }) => from === "b").every(({ reason }) => reason === "agent-missing"));
  t.ok(report.paths.filter(({ from }) => from === "a").every(({ reason }) => reason === "reachable"));
});

t.test("who is stopped says so, and what is missing then makes the report an interrupted one", async (t) => {
  const { a, b } = await plansOn(34);
  const controller = new AbortController();
  const stopped = await bundleOf(a, {
    signal: controller.signal,
    tell: (line) => void (line.startsWith("holding") && controller.abort()),
  });
  t.equal(stopped.content.interrupted, true);
  const other = await bundleOf(b, { windowMs: 1_000 });
  t.equal(other.content.interrupted, false);
  t.equal(reportOf([stopped, other]).report.interrupted, true);
});

t.test("of two bundles of one node the newer counts", async (t) => {
  const { a, b } = await plansOn(35);
  const alone = await bundleOf(a, { windowMs: 1_000 });
  const [together, other] = await Promise.all([bundleOf(a), bundleOf(b)]);
  const { report, notes } = reportOf([together, other, { ...alone, file: "old" }]);
  t.equal(report.summary.verdict, "pass");
  t.strictSame(notes, ["old: left out, since a is a newer bundle of a"]);
});

t.test("a plan is good for its time only", async (t) => {
  const { a } = await plansOn(36);
  const late = { ...a, validUntil: new Date(Date.now() - 1_000).toISOString() };
  await t.rejects(bundleOf(late), { code: "cannot-run", message: /the plan expired at/ });
});

t.test("what an agent saw of its peers is in its bundle", async (t) => {
  const { a, b } = await plansOn(37);
  const bundles = await Promise.all([bundleOf(a), bundleOf(b)]);
  for (const [index, { content }] of bundles.entries()) {
    t.match(content.sightings, [{ from: 1 - index, transport: "udp", saw: "31801-31803" }]);
  }
});
