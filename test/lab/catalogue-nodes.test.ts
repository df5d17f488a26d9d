/** Hosts that vanish, agents that die and addresses that are wrong: each is told from a firewall. */
import t from "tap";
import { smallSpec } from "../helpers/cli.ts";
import { runLabCheck } from "./check.ts";
import { expectFindings } from "./expect.ts";
import { Lab } from "./lab.ts";
import { countCrossing, met } from "./probing.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(300_000);
// Most of the time of these checks is spent waiting.
t.jobs = 4;

const names = ["n1", "n2", "n3"];
const flows = smallSpec.flows.map((flow) => (flow as { name: string }).name);
const createLab = (): Promise<Lab> => Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });

t.test(
  "a host whose link goes down before it is probed is down, over IPv6",
  { buffered: true },
  async (t) => {
    await using lab = await createLab();
    const { report, exitCode } = await runLabCheck(lab, {
      specs: [{ spec: smallSpec }],
      nodes: names.map((name) => ({ name, families: ["v6"] })),
      control: "n1",
      beforeLast: () => lab.linkDown("n2"),
    });
    const others = names.filter((name) => name !== "n2");
    const towards = others.flatMap((from) => flows.map((flow) => `${from}>n2 ${flow} node-down`));
    // What it found out itself it could tell nobody.
    const own = others.flatMap((to) => flows.map((flow) => `n2>${to} ${flow} never-probed`));
    expectFindings(t, report, [...towards, ...own]);
    t.equal(exitCode, 3);
  },
);

const wide = labSpec({
  flows: [
    { name: "wide", transport: "tcp", ports: "20000-21499" },
    { name: "wide-udp", transport: "udp", ports: "20000-20499" },
  ],
});
const between = (all: readonly string[]): { from: string; to: string }[] =>
  all.flatMap((from) => all.filter((to) => to !== from).map((to) => ({ from, to })));

t.test("a host whose link goes down while it is probed is down, over IPv4", { buffered: true }, async (t) => {
  await using lab = await createLab();
  const crossing = await countCrossing(lab, "20000-21499");
  const { report } = await runLabCheck(lab, {
    specs: [{ spec: wide }],
    nodes: names.map((name) => ({ name })),
    control: "n1",
    during: async () => {
      await met(crossing, 1_000);
      await lab.linkDown("n2");
    },
  });
  for (const { from, to, flow, reason, verdict, intervals, evidence } of report.paths) {
    const found = `${from}>${to} ${flow}: ${reason} ${JSON.stringify({ evidence, intervals }).slice(0, 600)}`;
    const reasons = new Set(intervals?.map((interval) => interval.reason) ?? [reason]);
    if (to === "n2") {
      t.equal(reason, "node-down", found);
      t.strictSame(
        [...reasons].filter((each) => each !== "reachable"),
        ["node-down"],
        found,
      );
    } else if (from === "n2") t.match(verdict, /^(pass|unknown)$/, found);
    else t.equal(verdict, "pass", found);
  }
});

t.test(
  "an agent that is killed while probing makes its paths unknown and nothing red",
  { buffered: true },
  async (t) => {
    await using lab = await createLab();
    const crossing = await countCrossing(lab, "20000-21499");
    const { report, exitCode } = await runLabCheck(lab, {
      specs: [{ spec: wide }],
      nodes: names.map((name) => ({ name })),
      control: "n1",
      during: async (agents) => {
        await met(crossing, 1_000);
        agents.get("n2")!.kill("SIGKILL");
      },
    });
    t.equal(exitCode, 5, "incomplete");
    for (const { from, to, flow, verdict, reason, intervals, evidence } of report.paths) {
      const found = `${from}>${to} ${flow}: ${reason} ${JSON.stringify({ evidence, intervals }).slice(0, 600)}`;
      if (from === "n2" || to === "n2") {
        t.equal(verdict, "unknown", found);
        t.notOk(
          intervals?.some((interval) => interval.verdict === "fail"),
          found,
        );
      } else t.equal(verdict, "pass", found);
    }
  },
);

t.test(
  "two hosts whose addresses are swapped in the cluster file answer for one another",
  { buffered: true },
  async (t) => {
    await using lab = await createLab();
    const [n1, n2] = [lab.host("n1"), lab.host("n2")];
    const { report } = await runLabCheck(lab, {
      specs: [{ spec: smallSpec }],
      nodes: [
        { name: "n1", addresses: [n2.address, n2.address6] },
        { name: "n2", addresses: [n1.address, n1.address6] },
        { name: "n3", families: ["v4", "v6"] },
      ],
      control: "n3",
    });
    const wrong = between(names).filter(({ to }) => to === "n1" || to === "n2");
    expectFindings(
      t,
      report,
      wrong.flatMap(({ from, to }) => flows.map((flow) => `${from}>${to} ${flow} misrouted`)),
    );
  },
);
