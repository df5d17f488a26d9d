/** A disk that fills up and a file that is damaged under a coordinator that watches: it goes on, says so, and loses nothing. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import t from "tap";
import type { HappeningState, Page, Status } from "../../../shared/api.ts";
import { watchedNodes, serve, type Served } from "../../helpers/watch-coordinator.ts";
import { ReportingAgent } from "../../helpers/reporting-agent.ts";
import { fillUp, smallDisk } from "../../helpers/small-disk.ts";
import { silentOf } from "../../helpers/watch-fixtures.ts";

t.setTimeout(90_000);

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 40_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await sleep(20);
  }
}

/** Agents that report all the time, until they are out of scope. */
async function reporting(
  served: Served,
): Promise<AsyncDisposable & { agents: ReportingAgent[]; rest(): void }> {
  const agents = watchedNodes.map((name) => new ReportingAgent(name));
  for (const agent of agents) agent.run(served.coordinator.joinString);
  await until("they have pinglists", () => agents.every(({ pinglist }) => pinglist !== undefined));
  const timer = setInterval(() => {
    // The first finds that a port of the second does not answer.
    for (const [index, agent] of agents.entries()) agent.sweep(index === 0 ? odd : []);
  }, 10);
  return {
    agents,
    rest: () => clearInterval(timer),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      for (const agent of agents) await agent[Symbol.asyncDispose]();
    },
  };
}
let odd: Parameters<ReportingAgent["sweep"]>[0] = [];

const backlogs = (agents: readonly ReportingAgent[]): number =>
  agents.reduce((sum, { backlog }) => sum + backlog.size, 0);

t.test("on a full disk it judges and says so, and all is kept once there is room", async (t) => {
  using disk = smallDisk(10);
  odd = [];
  await using served = await serve(join(disk.path, "data"));
  const said: string[] = [];
  served.coordinator.on("happening", (_kind, _node, text) => said.push(text));
  await using fleet = await reporting(served);
  await until("all paths pass", () => served.view.counts().pass === 12);
  t.equal((await served.ask("/readyz")).status, 200);

  fillUp(join(disk.path, "ballast"));
  await until("nothing is kept", () => served.view.problem !== undefined);
  t.match(await served.ask("/readyz"), { status: 503, body: { problem: /cannot keep history in .*full/ } });
  t.equal((await served.ask("/healthz")).status, 200);
  t.match((await served.ask("/metrics")).bytes.toString(), /^portmesh_journal_failing 1$/m);
  t.match((await served.json<Status>("/api/v1/status")).history.problem, /full.*Make room/s);
  t.match(said.join("\n"), /cannot keep history in .*full.*Make room/s);

  odd = [silentOf("0", "9001")];
  await until("it finds the fault all the same", () => served.view.counts().fail === 1);
  await until("it was told", () => served.transitions.length > 0);
  odd = [];
  await until("agents keep what they find", () => backlogs(fleet.agents) > 300);

  rmSync(join(disk.path, "ballast"));
  await until("history is kept again", () => served.view.problem === undefined);
  fleet.rest();
  await until("all of it has arrived", () => backlogs(fleet.agents) === 0);
  t.match(said.join("\n"), /history is kept again/);
  t.equal((await served.ask("/readyz")).status, 200);
  await until("the path works again", () => served.view.counts().pass === 12);
  const kept = await served.journal.transitions({ order: "oldest", limit: 100 });
  t.strictSame(
    kept.map(({ transition }) => transition.after),
    served.transitions.map(({ after }) => after),
    "also what could not be kept at the time",
  );
  const { items } = await served.json<Page<HappeningState>>("/api/v1/happenings?limit=1000");
  t.match(
    items.filter(({ kind }) => kind === "history-problem"),
    [{ text: /nothing was kept for a while: cannot keep history/ }],
  );
  t.notOk(
    items.some(({ kind }) => kind === "gap"),
    "and no sweep is missing",
  );
  using db = new DatabaseSync(join(disk.path, "data/journal.db"), { readOnly: true });
  const { sweeps } = db.prepare("SELECT count(*) AS sweeps FROM sweeps").get() as { sweeps: number };
  t.equal(
    sweeps,
    fleet.agents.reduce((sum, { acked }) => sum + acked, 0),
  );
});

t.test("a file that is damaged while it watches is set aside, and it goes on", async (t) => {
  odd = [];
  const folder = join(t.testdir(), "data");
  await using served = await serve(folder);
  const said: string[] = [];
  served.coordinator.on("happening", (_kind, _node, text) => said.push(text));
  await using fleet = await reporting(served);
  await until("there is some history", async () => (await served.journal.stats()).sweeps > 100);
  fleet.rest();
  await until("it is quiet", () => backlogs(fleet.agents) === 0);
  await served.journal.tidy(Date.now());
  const path = join(folder, "journal.db");
  const bytes = readFileSync(path);
  for (let page = 4; page < bytes.length / 4_096; page++) bytes.fill(0xff, page * 4_096, (page + 1) * 4_096);
  writeFileSync(path, bytes);
  t.ok((await served.json<Page<HappeningState>>("/api/v1/happenings")).items.length >= 0);
  for (const agent of fleet.agents) agent.sweep();
  await until("agents are answered", () => backlogs(fleet.agents) === 0);
  await until("it is told", () => /was damaged \(.*set aside as journal\.db\.corrupt-/.test(said.join("\n")));
  t.equal((await served.ask("/readyz")).status, 200);
  t.equal(readdirSync(folder).filter((file) => /corrupt-.*Z$/.test(file)).length, 1);
  await until("what is known now is kept again", async () => {
    const past = await served.journal.at(Date.now());
    return past !== undefined && past.codes.every((code) => code === 1);
  });
});
