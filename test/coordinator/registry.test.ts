/** Agents that join over real links while the plan changes under them. */
import { setImmediate } from "node:timers/promises";
import t, { type Test } from "tap";
import { Link } from "../../agent/link.ts";
import { Registry } from "../../coordinator/registry.ts";
import { createRunIdentity } from "../../coordinator/run-identity.ts";
import { parseJoinString } from "../../shared/join-string.ts";
import { createKeyPair } from "../../shared/key-pair.ts";
import { closeCodes } from "../../shared/link.ts";
import { makePlan, type Plan } from "../../shared/plan.ts";
import type { CoordinatorMessage } from "../../shared/wire.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";

t.setTimeout(30_000);

const spec = specOf({ flows: [flowOf("gossip", { ports: "9000" })] });
const nodes = nodesOf(["peer"], ["peer"], ["peer"]);

function planOf(...names: string[]): Plan {
  return makePlan(
    clusterOf(
      spec,
      nodes.filter(({ name }) => names.includes(name)),
    ),
    "runtime",
  );
}

interface Joining {
  link: Link;
  heard: CoordinatorMessage[];
}

async function registryOf(t: Test): Promise<Registry> {
  const registry = await Registry.start(
    {
      plan: planOf("n1", "n2", "n3"),
      host: "127.0.0.1",
      port: 0,
      advertise: undefined,
      identity: await createRunIdentity(new Date()),
      respectServices: true,
      now: () => new Date(),
    },
    {
      joined: () => {},
      listening: () => {},
      message: () => undefined,
      lost: () => {},
      round: () => 0,
    },
  );
  t.teardown(() => registry[Symbol.asyncDispose]());
  return registry;
}

/** Says hello, and does not wait for what comes of it. */
async function hello(t: Test, node: string, { joinString }: Registry): Promise<Joining> {
  const join = parseJoinString(joinString);
  const heard: CoordinatorMessage[] = [];
  const never = new AbortController().signal;
  const link = await Link.open(join, (message) => void heard.push(message), Math.random, never);
  t.teardown(() => link.close("done"));
  await link.send({
    type: "hello",
    node,
    token: join.token,
    version: "test",
    host: "test",
    pid: 1,
    publicKey: createKeyPair().publicKey,
  });
  return { link, heard };
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo() && performance.now() < deadline) await setImmediate();
}

const welcomed = ({ heard }: Joining): boolean => heard.some(({ type }) => type === "welcome");

t.test("who is admitted while nodes are numbered anew gets its new place", async (t) => {
  const registry = await registryOf(t);
  const third = await hello(t, "n3", registry);
  await until(() => registry.membership.member(2) !== undefined);
  t.notOk(welcomed(third), "its certificate is under way");
  registry.reassign(planOf("n2", "n3"));
  await until(() => third.heard.length > 0);
  t.match(third.heard, [{ type: "welcome", node: 1, nodes: [{ name: "n2" }, { name: "n3" }] }]);
});

t.test("who is admitted while its node goes is refused, and takes nobody's place", async (t) => {
  const registry = await registryOf(t);
  const second = await hello(t, "n2", registry);
  await until(() => welcomed(second));
  let end: unknown;
  void second.link.ended.then((found) => (end = found));
  const first = await hello(t, "n1", registry);
  await until(() => registry.membership.member(0) !== undefined);
  t.notOk(welcomed(first));
  registry.reassign(planOf("n2", "n3"));
  await until(() => first.heard.length > 0);
  t.match(first.heard, [{ type: "refused", code: "unknown-node" }]);
  t.equal((await first.link.ended).code, closeCodes.refused);
  registry.send(0, { type: "ack", origin: "o", seq: 1 });
  await until(() => second.heard.at(-1)?.type === "ack" || end !== undefined);
  t.equal(end, undefined, "the other one stays");
  t.equal(second.heard.at(-1)?.type, "ack", "and is spoken to");
});
