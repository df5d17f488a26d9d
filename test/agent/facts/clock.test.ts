import t, { type Test } from "tap";
import { readClock } from "../../../agent/facts/clock.ts";
import { commandsOn } from "../../../agent/facts/command.ts";
import type { NodeFacts } from "../../../shared/node-facts.ts";
import { hostFolders, type Tree } from "../../helpers/host-folders.ts";
import { says, toolsOf } from "../../helpers/tools.ts";

const signal = new AbortController().signal;

/** Answers of chrony 4.3, systemd 252 and ntpq 4.2.8p15. */
const chronyBehind =
  "7F000001,127.0.0.1,3,1795261885.920689451,5.000010490,-0.000000342,0.000001304,-0.012,-0.092,0.158,0.000030467,0.000000634,0.5,Normal";
const chronyAlone =
  "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised";
const ntpq = "leap=00, stratum=3, refid=192.0.2.7,\noffset=-12.345";

/** With these tools, and those that this host has not got. */
async function clockWith(
  t: Test,
  tools: Record<string, string>,
  timesync?: Tree,
): Promise<NodeFacts["clock"]> {
  const silent = { chronyc: "exit 1", timedatectl: "exit 1", ntpq: "exit 1" };
  const roots = hostFolders(t, timesync === undefined ? {} : { run: { systemd: { timesync } } });
  return readClock(roots, commandsOn(toolsOf(t, { ...silent, ...tools })), signal);
}

t.test("chrony tells by how much the clock is ahead, and whether it has a source", async (t) => {
  await t.test("synchronised, five seconds behind", async (t) => {
    const clock = await clockWith(t, {
      chronyc: says(chronyBehind),
      timedatectl: says("NTPSynchronized=no"),
    });
    t.strictSame(clock, {
      synchronized: true,
      from: "chronyc tracking",
      aheadMs: -5_000.01,
      detail: "source 127.0.0.1, stratum 3",
    });
  });
  await t.test("without a source", async (t) => {
    t.strictSame(await clockWith(t, { chronyc: says(chronyAlone) }), {
      synchronized: false,
      from: "chronyc tracking",
      detail: "Not synchronised",
    });
  });
});

t.test("systemd is asked where chrony does not answer", async (t) => {
  await t.test("synchronized", async (t) => {
    t.strictSame(await clockWith(t, { timedatectl: says("NTP=yes\nNTPSynchronized=yes") }), {
      synchronized: true,
      from: "timedatectl",
    });
  });
  await t.test("nothing keeps the clock", async (t) => {
    t.strictSame(await clockWith(t, { timedatectl: says("NTP=no\nNTPSynchronized=no") }), {
      synchronized: false,
      from: "timedatectl",
      detail: "no time service is on",
    });
  });
});

t.test("systemd-timesyncd leaves a file when it has set the clock", async (t) => {
  await t.test("it has", async (t) => {
    t.match(await clockWith(t, {}, { synchronized: "" }), { synchronized: true, from: /systemd\/timesync$/ });
  });
  await t.test("not yet", async (t) => {
    t.match(await clockWith(t, { ntpq: says(ntpq) }, {}), { synchronized: false });
  });
});

t.test("ntpd is asked last", async (t) => {
  t.strictSame(await clockWith(t, { ntpq: says(ntpq) }), {
    synchronized: true,
    from: "ntpq",
    aheadMs: 12.345,
    detail: "source 192.0.2.7, stratum 3",
  });
});

t.test("garbage, floods and tools that hang are no answer", async (t) => {
  const tools = {
    chronyc: "echo \"1,2,3,4,five,6,7,8,9,10,11,12,13,$(printf '\\033[2J')\"",
    timedatectl: "exec cat /dev/zero",
    ntpq: "exec tail -f /dev/null",
  };
  t.strictSame(await clockWith(t, tools), {});
});

t.test("text of a tool cannot drive a terminal", async (t) => {
  const hostile = chronyBehind.replace("127.0.0.1", "$(printf '\\033[2Jx')");
  const { detail } = await clockWith(t, { chronyc: `echo "${hostile}"` });
  t.equal(detail, "source  [2Jx, stratum 3");
});
