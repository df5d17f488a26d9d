/** A host that is too busy or whose clock steps is no firewall: nothing turns red. */
import t from "tap";
import { runLabCheck } from "./check.ts";
import { SteppedClock } from "./clock.ts";
import { expectFindings } from "./expect.ts";
import { Lab } from "./lab.ts";
import { countCrossing, met } from "./probing.ts";
import { labSpec } from "./spec.ts";
import { freeze, throttle } from "./starve.ts";

t.setTimeout(300_000);

const names = ["n1", "n2", "n3"];
const createLab = (): Promise<Lab> => Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
/** Wide enough to be in the middle of it for a moment. */
const wide = labSpec({
  flows: [
    { name: "wide", transport: "tcp", ports: "20000-21499" },
    { name: "wide-udp", transport: "udp", ports: "20000-20499" },
    { name: "secured", transport: "tcp", ports: "22000-22099", security: "tls" },
    { name: "mutual", transport: "tcp", ports: "22100-22199", security: "mtls" },
  ],
});
const options = {
  specs: [{ spec: wide }],
  nodes: names.map((name) => ({ name, families: ["v4", "v6"] as const })),
  control: "n1",
};

for (const ms of [2_000, 6_000]) {
  t.test(`a prober that stands still for ${ms / 1_000} s finds nothing`, async (t) => {
    await using lab = await createLab();
    const crossing = await countCrossing(lab, "20000-22199");
    const { report, exitCode } = await runLabCheck(lab, {
      ...options,
      during: async (agents) => {
        await met(crossing, 1_000);
        await freeze(agents.get("n2")!, ms);
      },
    });
    expectFindings(t, report, []);
    t.equal(exitCode, 0);
  });
}

t.test("a prober with a twentieth of a CPU finds nothing", async (t) => {
  await using lab = await createLab();
  const few = labSpec({
    flows: [
      { name: "few", transport: "tcp", ports: "20000-20099" },
      { name: "few-udp", transport: "udp", ports: "20000-20099" },
      { name: "secured", transport: "tcp", ports: "22000-22009", security: "tls" },
    ],
  });
  using quota = new DisposableStack();
  const { report, sinceLastJoinMs } = await runLabCheck(lab, {
    ...options,
    specs: [{ spec: few }],
    // The last one to join is not slowed down before probing begins.
    nodes: names.map((name) => ({ name })),
    beforeLast: (agents) => void quota.use(throttle(agents.get("n2")!, 0.05)),
  });
  quota.dispose();
  t.strictSame(
    report.paths.filter(({ verdict }) => verdict === "fail").map(({ from, to, flow }) => [from, to, flow]),
    [],
  );
  expectFindings(t, report, []);
  t.comment(`${Math.round(sinceLastJoinMs)} ms since the last join`);
});

t.test("clocks that step by two hours, forward and back, change nothing", async (t) => {
  await using lab = await createLab();
  const folder = t.testdir();
  const [forward, back] = [new SteppedClock(folder, "n2"), new SteppedClock(folder, "n3")];
  const crossing = await countCrossing(lab, "20000-22199");
  const { report, exitCode } = await runLabCheck(lab, {
    ...options,
    env: { n2: forward.env, n3: back.env },
    during: async (agents) => {
      await met(crossing, 1_000);
      forward.step("+2h");
      back.step("-2h");
      // The library looks at its file once a second: the rest of the probes is made under the new time.
      const victims = ["n2", "n3"].map((name) => freeze(agents.get(name)!, 1_200));
      await Promise.all(victims);
    },
  });
  expectFindings(t, report, []);
  t.equal(exitCode, 0);
  for (const [clock, hours] of [
    [forward, 2],
    [back, -2],
  ] as const) {
    const env = { ...process.env, ...clock.env };
    const told = await lab.host("n2").run(process.execPath, ["-p", "Date.now()"], { env });
    t.equal(Math.round((Number(told) - Date.now()) / 3_600_000), hours, "the clock was really wrong");
  }
});
