/** An agent whose link is cut comes back under its name and finishes its work. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import t from "tap";
import { nothingOutside } from "../../shared/outside.ts";
import { runAgent } from "../../agent/agent.ts";
import { startCoordinator } from "../../coordinator/coordinator.ts";
import { formatJoinString, parseJoinString } from "../../shared/join-string.ts";
import { makePlan } from "../../shared/plan.ts";
import { agentConfig, clusterOn } from "../helpers/agent-fixtures.ts";

const config = agentConfig(t);

/** A relay in front of the coordinator, whose connections can be cut. */
async function relayTo(address: string): Promise<{ address: string; cut(): number; close(): void }> {
  const [host, port] = address.split(":") as [string, string];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): number => {
    const count = sockets.size;
    for (const socket of sockets) socket.resetAndDestroy();
    return count;
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    close: () => void (cut(), server.close()),
  };
}

t.test("a cut link is mended, the name is kept, and a round that was under way is finished", async (t) => {
  const cluster = clusterOn(1);
  const plan = makePlan(cluster, "install");
  await using coordinator = await startCoordinator(
    {
      plan,
      host: "127.0.0.1",
      port: 0,
      advertise: undefined,
      probing: cluster.probing,
      outside: nothingOutside,
      continuous: false,
    },
    () => new Date(),
  );
  const join = parseJoinString(coordinator.joinString);
  const relay = await relayTo(coordinator.address);
  t.teardown(() => relay.close());
  const throughRelay = parseJoinString(formatJoinString({ ...join, addresses: [relay.address] }));
  const controller = new AbortController();
  const said: string[] = [];
  const deps = { tell: (line: string) => void said.push(line), random: () => 0, now: () => new Date() };
  const a = runAgent({ ...config, node: "a", join: throughRelay }, deps, controller.signal);
  const b = runAgent({ ...config, node: "b", join }, { ...deps, tell: () => {} }, controller.signal);
  t.ok(await coordinator.everyoneIsListening(10_000, controller.signal));

  const session = coordinator.membership.member(0)?.session;
  t.ok(relay.cut() > 0);
  const lost = new Promise((resolve) => coordinator.once("lost", resolve));
  await lost;
  t.ok(await coordinator.everyoneIsListening(10_000, controller.signal), "it came back");
  t.equal(coordinator.membership.member(0)?.session, session, "by its session, not by the token");
  t.ok(said.some((line) => line.includes("coming back")));

  const round = coordinator.probe(controller.signal);
  relay.cut();
  const observations = await round;
  t.strictSame(
    observations.progress,
    { done: 24, of: 24 },
    "what the cut agent still owed was asked for again",
  );

  await coordinator.finish("over");
  t.strictSame(await Promise.all([a, b]), ["over", "over"]);
});

t.test("an agent without a coordinator gives up when its time is over, and says what it tried", async (t) => {
  const join = { cluster: "t", addresses: ["127.0.0.1:1"], pin: "x", token: "y" };
  const agent = runAgent(
    { ...config, node: "a", join, giveUpMs: 0 },
    { tell: () => {}, random: () => 0, now: () => new Date() },
    new AbortController().signal,
  );
  await t.rejects(agent, {
    code: "cannot-run",
    message: /cannot reach the coordinator at 127\.0\.0\.1:1: ECONNREFUSED/,
  });
});
