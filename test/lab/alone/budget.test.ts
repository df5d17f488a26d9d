/** What a check costs in time where much is broken, against the same check where nothing is: time-outs and little more. */
import t from "tap";
import { runLabCheck } from "../check.ts";
import { expectFindings } from "../expect.ts";
import { Lab, type FaultOptions } from "../lab.ts";
import { labSpec } from "../spec.ts";

t.setTimeout(300_000);

/** The default of `probing.timeout`. */
const probeTimeoutMs = 4_000;
/** What is silent is waited for in the first look, in the second, and once more while the far end watches. */
const looks = 3;
/** For all the rest, against a check that finds nothing. */
const factor = 1.5;

const names = ["n1", "n2", "n3", "n4"];
const spec = labSpec({
  flows: [
    { name: "range", transport: "tcp", ports: "20000-20999" },
    { name: "range-udp", transport: "udp", ports: "20000-20299" },
    { name: "secured", transport: "tcp", ports: "21000-21019", security: "tls" },
  ],
});
const faults: readonly FaultOptions[] = [
  { at: "n2", hook: "input", transport: "tcp", ports: "20100-20299", action: "drop" },
  { at: "n2", hook: "input", transport: "udp", ports: "20100-20149", action: "drop" },
  { at: "n3", hook: "input", transport: "tcp", ports: "20400-20499", action: "reject-reset" },
  { at: "n3", hook: "input", transport: "udp", ports: "20200-20209", action: "reject-port" },
  { at: "router", hook: "forward", from: "n1", to: "n4", transport: "tcp", ports: "21000", action: "drop" },
  { at: "n1", hook: "output", to: "n4", transport: "udp", ports: "20000", action: "drop" },
];
const others = (name: string): string[] => names.filter((other) => other !== name);
const expected = [
  ...others("n2").flatMap((from) => [
    `${from}>n2 range dropped 20100-20299`,
    `${from}>n2 range-udp dropped 20100-20149`,
  ]),
  ...others("n3").flatMap((from) => [
    `${from}>n3 range rejected 20400-20499`,
    `${from}>n3 range-udp rejected 20200-20209`,
  ]),
  "n1>n4 secured dropped 21000",
  "n1>n4 range-udp egress-blocked 20000",
];

t.test("a check under faults takes its time-outs and little more", async (t) => {
  await using lab = await Lab.create({ hosts: names.map((name) => ({ name, zone: "a" })) });
  const options = { specs: [{ spec }], nodes: names.map((name) => ({ name })), control: "n1" };
  const green = await runLabCheck(lab, options);
  expectFindings(t, green.report, []);
  for (const fault of faults) await lab.fault(fault);
  const broken = await runLabCheck(lab, options);
  expectFindings(t, broken.report, expected);
  const allowedMs = factor * green.sinceLastJoinMs + looks * probeTimeoutMs;
  const [greenMs, brokenMs] = [green, broken].map(({ sinceLastJoinMs }) => Math.round(sinceLastJoinMs));
  t.ok(
    brokenMs! <= allowedMs,
    `${brokenMs} ms of ${Math.round(allowedMs)} allowed, ${greenMs} with nothing broken`,
  );
});
