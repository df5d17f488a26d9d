/** Webhooks and reports of a coordinator as users run it, with real agents. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Check } from "typebox/value";
import t from "tap";
import { ReportSchema } from "../../shared/report.ts";
import { WatchedCluster } from "../helpers/watched-cluster.ts";
import { webhookReceiver } from "../helpers/webhook-receiver.ts";

t.setTimeout(90_000);

t.test(
  "a webhook that the cluster file gets while all runs is told, and a bad one changes nothing",
  async (t) => {
    const receiver = await webhookReceiver(t);
    const nodes = { a: "127.79.71.1", b: "127.79.71.2" };
    await using cluster = await WatchedCluster.start({ nodes });
    const { coordinator, clusterFile, folder } = cluster;
    t.ok(Check(ReportSchema, JSON.parse(await cluster.get("/api/v1/report"))));
    const before = JSON.parse(readFileSync(clusterFile, "utf8")) as object;
    const reload = (notify: readonly object[]): void => {
      writeFileSync(clusterFile, JSON.stringify({ ...before, notify }));
      coordinator.child.kill("SIGHUP");
    };
    const hook = {
      name: "ops",
      url: receiver.url,
      on: ["lost", "reload-failed"],
      groupFor: "0s",
      groupInterval: "0s",
    };
    reload([hook]);
    await cluster.until("it is in force", ({ reload: { at, ok }, startedAt }) => ok && at > startedAt);
    reload([{ ...hook, secretFile: "missing" }]);
    await receiver.until(1);
    t.match(receiver.messages()[0], {
      hook: "ops",
      happenings: [{ kind: "reload-failed", text: /secretFile.*missing/ }],
    });
    const agent = cluster.agents.get("b")!;
    agent.child.kill("SIGKILL");
    await receiver.until(2);
    t.match(receiver.messages()[1], { news: [{ kind: "lost", count: 1 }], happenings: [{ node: "b" }] });
    coordinator.child.kill("SIGTERM");
    if (coordinator.child.exitCode === null) await once(coordinator.child, "close");
    const kept = readFileSync(join(folder, "data", "notifier.json"), "utf8");
    t.match(JSON.parse(kept), { kind: "NotifierState", hooks: { ops: { happening: Number } } });
    t.notMatch(kept + coordinator.err, /s3cr3t/, "the URL's path is said nowhere");
  },
);
