/** What a cluster file may say of webhooks, times and history, and how its mistakes are told. */
import t from "tap";
import { parseCluster, type Cluster } from "../../shared/cluster-file.ts";
import { flowOf, mistakesOf, specOf } from "../helpers/domain-fixtures.ts";

const spec = specOf({ flows: [flowOf("gossip")] });

function read(parts: object): Cluster {
  const file = {
    name: "prod",
    specs: [{ id: spec.id }],
    nodes: [{ name: "n1", address: "10.0.0.1", roles: ["peer"] }],
    ...parts,
  };
  return parseCluster(JSON.stringify(file, undefined, 1), "cluster.yaml", {
    shippedIds: () => [spec.id],
    shipped: () => spec,
    file: () => undefined,
    text: () => undefined,
  });
}

/** Without the place. */
const mistakes = (parts: object): string[] =>
  mistakesOf(() => read(parts)).map((line) => line.replace(/^cluster\.yaml:\d+:\d+: /, ""));

t.test("without a word there is a nightly sweep of whole ranges, and a month of history", async (t) => {
  const { schedule, history, notify } = read({});
  t.strictSame(schedule, { timezone: "UTC", fullSweep: "0 3 * * *", report: undefined });
  t.strictSame(history, { keepMs: 30 * 86_400_000, bytes: 2e9 });
  t.strictSame(notify, []);
  t.equal(read({ schedule: { fullSweep: false } }).schedule.fullSweep, undefined);
});

t.test("times and limits are read", async (t) => {
  const report = { at: "30 6 * * mon-fri", folder: "out", formats: ["csv"], keep: 3 };
  const { schedule, history } = read({
    schedule: { timezone: "Europe/Vienna", fullSweep: "0 2 * * 0", report },
    history: { keep: "90d", size: "1.5GiB" },
  });
  t.strictSame(schedule, { timezone: "Europe/Vienna", fullSweep: "0 2 * * 0", report });
  t.strictSame(history, { keepMs: 90 * 86_400_000, bytes: 1.5 * 2 ** 30 });
  t.match(read({ schedule: { report: { at: "0 6 * * *" } } }).schedule.report, {
    folder: undefined,
    formats: ["html", "json"],
    keep: 30,
  });
});

t.test("a time that is none is a mistake with its place", async (t) => {
  const file = { schedule: { fullSweep: "0 25 * * *" } };
  t.match(mistakesOf(() => read(file))[0], /^cluster\.yaml:\d+:\d+: \/schedule\/fullSweep: /);
  const wanted = 'must be a cron expression such as "0 3 * * *"';
  t.strictSame(mistakes(file), [`/schedule/fullSweep: ${wanted}; the hour "25" is none`]);
  t.strictSame(
    mistakes({
      schedule: { timezone: "Mars/Olympus", fullSweep: "0 0 3 * * *", report: { at: "0 0 31 2 *" } },
      history: { keep: "1m", size: "1MB" },
    }).toSorted((a, b) => a.localeCompare(b)),
    [
      "/history/keep: must be at least 1h",
      "/history/size: must be at least 50MB",
      `/schedule/fullSweep: ${wanted}: five fields; found "0 0 3 * * *"`,
      `/schedule/report/at: ${wanted}; the dayOfMonth "31" is none`,
      "/schedule/timezone: must be a time zone such as Europe/Vienna; found Mars/Olympus",
    ],
  );
});

t.test("a webhook has a name, and what it is told of by default somebody has to look at", async (t) => {
  const [hook] = read({ notify: [{ name: "ops", url: "https://hooks.example.com/a/b" }] }).notify;
  t.match(hook, {
    name: "ops",
    groupForMs: 10_000,
    groupIntervalMs: 60_000,
    repeatEveryMs: undefined,
    proxied: false,
    on: [
      "fail",
      "recover",
      "stale",
      "fresh",
      "requirement",
      "name-conflict",
      "history-problem",
      "reload-failed",
    ],
  });
});

t.test("mistakes of webhooks are told without their URLs", async (t) => {
  const url = "https://hooks.example.com/s3cr3t";
  const found = mistakes({
    notify: [
      { name: "a", url: "ftp://example.com/s3cr3t" },
      { name: "a", url: "https://user:s3cr3t@example.com/" },
      { name: "b", url, proxy: "http", groupFor: "2h", repeatEvery: "1s" },
      { name: "c", url, nodes: ["n2"], flows: ["gossip", "gosip"], specs: ["other"] },
    ],
  });
  t.strictSame(found, [
    "/notify/0/url: must be a URL such as https://hooks.example.com/portmesh",
    "/notify/1/name: another webhook is called a too",
    "/notify/1/url: put the token into a file and name it with tokenFile; a cluster file is no place for secrets",
    "/notify/2/proxy: there is no proxies.http",
    "/notify/2/groupFor: must be from 0m to 60m",
    "/notify/2/repeatEvery: must be from 1m to 10080m",
    "/notify/3/nodes/0: there is no node n2",
    "/notify/3/flows/1: there is no flow gosip",
    "/notify/3/specs/0: there is no spec other",
  ]);
  t.notMatch(found.join(), /s3cr3t/);
  t.match(mistakes({ notify: [{ name: "d", url, on: ["fails"] }] }), [
    /^\/notify\/0\/on\/0: must be one of fail, recover/,
  ]);
});
