/** An agent that reports its listeners in the middle of a round: after coming back, and because they changed. */
import { once } from "node:events";
import t from "tap";
import { nothingOutside } from "../../shared/outside.ts";
import { Link } from "../../agent/link.ts";
import { startCoordinator } from "../../coordinator/coordinator.ts";
import { defaultBandwidth } from "../../shared/cluster-file.ts";
import { parseJoinString } from "../../shared/join-string.ts";
import { createKeyPair } from "../../shared/key-pair.ts";
import { groupExceptions } from "../../shared/listener-exceptions.ts";
import { makePlan } from "../../shared/plan.ts";
import type { AgentMessage, CoordinatorMessage, ListenerException } from "../../shared/wire.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";

const plan = makePlan(
  clusterOf(specOf({ flows: [flowOf("gossip")] }), nodesOf(["peer"], ["peer"])),
  "install",
);
const { publicKey } = createKeyPair();
const hello = { type: "hello", version: "test", host: "here", pid: 1, publicKey } as const;
const listening = (exceptions: readonly ListenerException[]): AgentMessage => ({
  type: "listening",
  round: 0,
  bound: 1 - exceptions.length,
  elapsedMs: 1,
  exceptions: groupExceptions(exceptions),
});

t.test("a change of listeners does not restart the probes of a node, coming back does", async (t) => {
  await using coordinator = await startCoordinator(
    {
      plan,
      host: "127.0.0.1",
      port: 0,
      advertise: undefined,
      probing: { timeoutMs: 1_000, budgetMs: 1_000, bandwidth: defaultBandwidth },
      outside: nothingOutside,
      continuous: false,
    },
    () => new Date(),
  );
  const join = parseJoinString(coordinator.joinString);
  const { signal } = new AbortController();
  const orders: string[] = [];
  const agent = async (node: string, proof: { token: string } | { session: string }) => {
    let welcomed: (session: string) => void;
    const welcome = new Promise<string>((resolve) => (welcomed = resolve));
    const link = await Link.open(
      join,
      (message: CoordinatorMessage) => {
        if (message.type === "welcome") welcomed(message.session);
        if (message.type === "probe") orders.push(node);
      },
      () => 0,
      signal,
    );
    await link.send({ ...hello, node, ...proof });
    return { link, session: await welcome };
  };
  const report = async (link: Link, message: AgentMessage): Promise<void> => {
    const heard = once(coordinator, "listening");
    await link.send(message);
    await heard;
  };
  const first = await agent("n1", { token: join.token });
  const second = await agent("n2", { token: join.token });
  await report(first.link, listening([]));
  await report(second.link, listening([]));

  const round = coordinator.probe(signal);
  const given = {
    transport: "tcp",
    address: "10.0.0.1",
    port: 9_000,
    state: "absent",
    detail: "given up",
  } as const;
  await report(first.link, listening([given]));
  t.match(coordinator.membership.farEnd(0, "tcp", "10.0.0.1", 9_000), {
    listener: "absent",
    exception: given,
  });

  const back = await agent("n2", { session: second.session });
  await report(back.link, listening([]));
  await first.link.send({ type: "done", round: 1, probes: 0, elapsedMs: 1, cut: [], fullSweepMs: 0 });
  await back.link.send({ type: "done", round: 1, probes: 0, elapsedMs: 1, cut: [], fullSweepMs: 0 });
  await round;
  await coordinator.finish("over");
  await Promise.all([first.link.ended, back.link.ended]);
  t.strictSame(orders, ["n1", "n2", "n2"]);
});
