/** An agent that cannot reach the coordinator joins through a peer; nobody gets anything else out of a relay. */
import { once } from "node:events";
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import t, { type Test } from "tap";
import { nothingInspected } from "../../coordinator/inspected.ts";
import { nothingOutside } from "../../shared/outside.ts";
import { runAgent } from "../../agent/agent.ts";
import { Claims } from "../../agent/claims.ts";
import { Listeners, type ListenerOptions } from "../../agent/listeners.ts";
import { defaultPolicy } from "../../agent/policy.ts";
import { Relay, relayLimits } from "../../agent/protocols/relay.ts";
import { startCoordinator, type Coordinator } from "../../coordinator/coordinator.ts";
import { buildReport } from "../../coordinator/report-builder.ts";
import { defaultBandwidth } from "../../shared/cluster-file.ts";
import { parseJoinString, type JoinString } from "../../shared/join-string.ts";
import { certificateName, coordinatorName } from "../../shared/link.ts";
import { makePlan, type Plan } from "../../shared/plan.ts";
import { portSetOf } from "../../shared/ports.ts";
import { agentConfig, clusterOn, createFixture, freePort } from "../helpers/agent-fixtures.ts";

const config = agentConfig(t);
const probing = { timeoutMs: 4_000, budgetMs: 60_000, bandwidth: defaultBandwidth };
const nowhere = "127.0.0.1:1";

function options(relay: Relay): ListenerOptions {
  return { claims: new Claims(), respectServices: false, relay };
}

interface Stage extends AsyncDisposable {
  plan: Plan;
  coordinator: Coordinator;
  join: JoinString;
  /** Starts an agent; what it says is collected. */
  start(
    node: string,
    join: JoinString,
    parts?: Partial<typeof config>,
  ): { said: string[]; ended: Promise<unknown> };
}

async function stage(network: number): Promise<Stage> {
  const plan = makePlan(clusterOn(network), "install");
  const coordinator = await startCoordinator(
    {
      plan,
      host: "127.0.0.1",
      port: 0,
      advertise: undefined,
      probing,
      outside: nothingOutside,
      continuous: false,
    },
    () => new Date(),
  );
  const controller = new AbortController();
  const agents: Promise<unknown>[] = [];
  return {
    plan,
    coordinator,
    join: parseJoinString(coordinator.joinString),
    start(node, join, parts = {}) {
      const said: string[] = [];
      const deps = { tell: (line: string) => void said.push(line), random: () => 0, now: () => new Date() };
      const ended = runAgent({ ...config, ...parts, node, join }, deps, controller.signal);
      agents.push(ended.catch(() => {}));
      return { said, ended };
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await Promise.all(agents);
      await coordinator[Symbol.asyncDispose]();
    },
  };
}

t.test("an agent joins through a peer, probes, and the report says so", async (t) => {
  await using scene = await stage(11);
  const { coordinator, join, plan } = scene;
  t.ok(join.relays?.includes("127.79.11.1:31811"), "a TLS port of a");
  scene.start("a", join);
  const joined = once(coordinator, "listening");
  await joined;
  const { said } = scene.start("b", { ...join, addresses: [nowhere] });
  t.ok(await coordinator.everyoneIsListening(10_000, AbortSignal.timeout(20_000)));
  t.match(said[0], /joined t as b through 127\.79\.11\.1:\d+; holding/);
  const startedAt = new Date();
  const observations = await coordinator.probe(AbortSignal.timeout(20_000));
  const facts = {
    startedAt,
    finishedAt: new Date(),
    interrupted: false,
    serviceExpected: false,
    inspected: nothingInspected,
  };
  const report = buildReport(plan, observations, coordinator.membership, facts);
  t.equal(report.summary.verdict, "pass");
  t.equal(report.nodes[0]?.agent?.via, undefined);
  t.match(report.nodes[1]?.agent?.via, /^127\.79\.11\.1:\d+$/);
});

t.test("where the direct way works, no relay is asked", async (t) => {
  await using scene = await stage(12);
  const { coordinator, join } = scene;
  scene.start("a", join);
  await once(coordinator, "listening");
  scene.start("b", join);
  t.ok(await coordinator.everyoneIsListening(10_000, AbortSignal.timeout(20_000)));
  t.equal(coordinator.membership.member(1)?.via, undefined);
});

t.test("a link that dies comes back through a peer with its session", async (t) => {
  await using scene = await stage(13);
  const { coordinator, join } = scene;
  scene.start("a", join);
  await once(coordinator, "listening");
  // The direct way of b is a port that goes away with all that passes it.
  const sockets = new Set<Socket>();
  const [host, port] = coordinator.address.split(":") as [string, string];
  const way = createServer((near) => {
    const far = connectTcp(Number(port), host);
    for (const socket of [near, far]) sockets.add(socket.on("error", () => {}));
    near.pipe(far).pipe(near);
  });
  const address = await listening(way);
  scene.start("b", { ...join, addresses: [address] });
  t.ok(await coordinator.everyoneIsListening(10_000, AbortSignal.timeout(20_000)));
  const session = coordinator.membership.member(1)?.session;
  t.equal(coordinator.membership.member(1)?.via, undefined);

  way.close();
  const lost = once(coordinator, "lost");
  for (const socket of sockets) socket.resetAndDestroy();
  await lost;
  t.ok(await coordinator.everyoneIsListening(10_000, AbortSignal.timeout(20_000)));
  t.match(coordinator.membership.member(1)?.via, /^127\.79\.13\.1:\d+$/);
  t.equal(coordinator.membership.member(1)?.session, session);
});

t.test("an agent whose policy says so passes nothing on", async (t) => {
  await using scene = await stage(14);
  const { coordinator, join } = scene;
  scene.start("a", join, { policy: { ...defaultPolicy, relay: false } });
  await once(coordinator, "listening");
  const { ended } = scene.start("b", { ...join, addresses: [nowhere] }, { giveUpMs: 0 });
  await t.rejects(ended, {
    code: "cannot-run",
    message: /cannot reach the coordinator at 127\.0\.0\.1:1: ECONNREFUSED, nor through \d+ peers/,
  });
});

t.test("another coordinator behind a relay does not hear the token, and is not the end", async (t) => {
  await using scene = await stage(15);
  await using other = await stage(15);
  using fixture = await createFixture();
  const port = await freePort("127.79.15.9");
  const [host, otherPort] = other.coordinator.address.split(":") as [string, string];
  const astray = new Relay({ host, port: Number(otherPort) });
  await using stranger = new Listeners(await fixture.listening(0, "stranger"), options(astray));
  await stranger.reconcile([{ transport: "tcp", address: "127.79.15.9", ports: [[port, port]] }]);
  const relays = [`127.79.15.9:${port}`];
  const wrong = scene.start("b", { ...scene.join, addresses: [nowhere], relays }, { giveUpMs: 0 });
  await t.rejects(wrong.ended, { code: "cannot-run", message: /its key does not match the pin/ });
  t.equal(other.coordinator.membership.member(1), undefined);

  scene.start("a", scene.join);
  await once(scene.coordinator, "listening");
  scene.start("b", { ...scene.join, addresses: [nowhere], relays: [...relays, ...scene.join.relays!] });
  t.ok(await scene.coordinator.everyoneIsListening(10_000, AbortSignal.timeout(20_000)));
});

interface Scene {
  /** How many connections the coordinator's place got and which are open, and what was said there. */
  reached: { connections: number; bytes: number; open: ReadonlySet<Socket> };
  host: string;
  port: number;
  /** A second port of the same agent. */
  other: number;
  listeners: Listeners;
}

/** One agent's listener that relays to a place which only counts. */
async function relayAlone(t: Test, address: string): Promise<Scene> {
  const fixture = await createFixture();
  const open = new Set<Socket>();
  const reached = { connections: 0, bytes: 0, open };
  const server = createServer((socket) => {
    reached.connections++;
    open.add(socket.on("error", () => {}).once("close", () => open.delete(socket)));
    socket.on("data", (chunk: Buffer) => (reached.bytes += chunk.length));
  });
  const coordinatorPort = Number((await listening(server)).split(":")[1]);
  const [port, other] = [await freePort(address), await freePort(address)];
  const relay = new Relay({ host: "127.0.0.1", port: coordinatorPort });
  const listeners = new Listeners(await fixture.listening(0, "a"), options(relay));
  const ports = portSetOf([port, other]);
  await listeners.reconcile([{ transport: "tcp", address, ports }]);
  t.teardown(async () => {
    await listeners[Symbol.asyncDispose]();
    for (const socket of open) socket.destroy();
    server.close();
    fixture[Symbol.dispose]();
  });
  return { reached, host: address, port, other, listeners };
}

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The whole ClientHello that asks for a name. */
async function helloFor(servername: string): Promise<Buffer> {
  const server = createServer();
  const address = await listening(server);
  const client = connectTls({ port: Number(address.split(":")[1]), servername, ecdhCurve: "X25519" });
  client.on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  const [bytes] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

t.test("nothing is passed on before the whole name was read", async (t) => {
  const { reached, host, port } = await relayAlone(t, "127.79.16.1");
  const hello = await helloFor(coordinatorName);
  const client = connectTcp({ host, port, noDelay: true });
  await once(client, "connect");
  for (let at = 0; at < hello.length - 1; at += 100) {
    client.write(hello.subarray(at, Math.min(at + 100, hello.length - 1)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(reached.connections, 0);
  client.write(hello.subarray(-1));
  while (reached.bytes < hello.length) await new Promise((resolve) => setImmediate(resolve));
  t.equal(reached.bytes, hello.length, "every byte, once");
  client.destroy();
});

t.test("another name is answered by the agent itself", async (t) => {
  const { reached, host, port } = await relayAlone(t, "127.79.17.1");
  const client = connectTls({ host, port, servername: certificateName("a"), rejectUnauthorized: false });
  await once(client, "secureConnect");
  t.match(client.getPeerCertificate().subject.CN, certificateName("a"));
  client.destroy();
  t.equal(reached.connections, 0);
});

t.test("a relay carries so many connections and no more, and all end with the listeners", async (t) => {
  const { reached, host, port, listeners } = await relayAlone(t, "127.79.18.1");
  const hello = await helloFor(coordinatorName);
  const open = Array.from({ length: relayLimits.connections }, () => {
    const client = connectTcp({ host, port }).on("error", () => {});
    client.write(hello);
    return client;
  });
  while (reached.connections < open.length) await new Promise((resolve) => setImmediate(resolve));
  const late = connectTcp({ host, port });
  late.write(hello);
  const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
  t.equal(error.code, "ECONNRESET");
  t.equal(reached.connections, open.length);
  const closed = Promise.all(open.map((client) => once(client, "close")));
  await listeners[Symbol.asyncDispose]();
  await closed;
});

t.test("a port that is given up carries no relayed connection any more, the others do", async (t) => {
  const { reached, host, port, other, listeners } = await relayAlone(t, "127.79.19.1");
  const hello = await helloFor(coordinatorName);
  const [given, kept] = [port, other].map((each) => {
    const client = connectTcp({ host, port: each });
    client.write(hello);
    return client;
  }) as [Socket, Socket];
  const failed = once(given, "error");
  while (reached.bytes < 2 * hello.length) await new Promise((resolve) => setImmediate(resolve));
  await listeners.giveUp([{ transport: "tcp", address: host, port }]);
  const [error] = (await failed) as [NodeJS.ErrnoException];
  t.equal(error.code, "ECONNRESET");
  while (reached.open.size > 1) await new Promise((resolve) => setImmediate(resolve));
  kept.write("more");
  while (reached.bytes < 2 * hello.length + 4) await new Promise((resolve) => setImmediate(resolve));
  t.equal(kept.destroyed, false);
  kept.destroy();
});
