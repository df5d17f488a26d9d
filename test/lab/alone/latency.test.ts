/** What is compared with milliseconds has the machine for itself. */
import t from "tap";
import { runLabCheck } from "../check.ts";
import { expectFindings } from "../expect.ts";
import { Lab } from "../lab.ts";
import { intercept } from "../middlebox.ts";
import { labSpec } from "../spec.ts";

t.setTimeout(300_000);

const names = ["n1", "n2", "n3"];

for (const family of ["v4", "v6"] as const) {
  const nodes = names.map((name) => ({ name, families: [family] }));

  t.test(`what is slower than the threshold is slow, over IP${family}`, async (t) => {
    await using lab = await Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
    const slow = await intercept(lab, { box: "delay", target: "n2", port: 31_000, delayMs: 40 });
    const single = labSpec({
      flows: [
        { name: "slow", transport: "tcp", ports: "31000" },
        { name: "fast", transport: "tcp", ports: "31001-31005" },
        { name: "fast-udp", transport: "udp", ports: "31001-31005" },
      ],
    });
    const { report, exitCode } = await runLabCheck(lab, {
      specs: [{ spec: single }],
      nodes,
      control: "n1",
      thresholds: { rtt: "5ms" },
    });
    expectFindings(t, report, ["n1>n2 slow slow", "n3>n2 slow slow"]);
    t.equal(exitCode, 0);
    t.ok((await slow.packets()) > 0);
    const { rttMs } = report.paths.find(({ reason }) => reason === "slow") ?? {};
    // A timer may be a little early.
    t.ok((rttMs ?? 0) >= 78, `40 ms each way; found ${rttMs}`);
  });
}
