/** Giving ports up and taking them again, with real sockets: by request, and where a service was seen. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import t, { type Test } from "tap";
import { Claims } from "../../agent/claims.ts";
import { HandOver } from "../../agent/hand-over.ts";
import { Listeners, type WantedListener } from "../../agent/listeners.ts";
import { createFixture, freePort } from "../helpers/agent-fixtures.ts";

const addresses = ["127.78.5.1", "127.78.5.2"];

interface Setup {
  port: number;
  listeners: Listeners;
  handOver: HandOver;
  /** Resolves with what the agent says next. */
  told: () => Promise<string>;
  wanted: WantedListener[];
}

async function setUp(t: Test, respectServices = false): Promise<Setup> {
  const fixture = await createFixture();
  const claims = new Claims();
  const listeners = new Listeners(await fixture.listening(1, "one"), { claims, respectServices });
  const lines: string[] = [];
  let wake: () => void = () => {};
  const handOver = new HandOver({
    node: "one",
    claims,
    now: () => new Date("2026-11-21T08:00:00Z"),
    listeners: () => listeners,
    changed: (what) => {
      lines.push(what);
      wake();
    },
  });
  t.teardown(async () => {
    handOver[Symbol.dispose]();
    await listeners[Symbol.asyncDispose]();
    fixture[Symbol.dispose]();
  });
  const port = await freePort(addresses[0]);
  const wanted = (["tcp", "udp"] as const).flatMap((transport) =>
    addresses.map((address): WantedListener => ({ transport, address, ports: [[port, port]] })),
  );
  t.strictSame(await listeners.reconcile(wanted), { bound: 4, exceptions: [] });
  const told = async (): Promise<string> => {
    while (lines.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return lines.shift()!;
  };
  return { port, listeners, handOver, told, wanted };
}

async function serve(port: number, host: string): Promise<Server> {
  const server = createServer();
  server.listen({ port, host, exclusive: true });
  await once(server, "listening");
  return server;
}

async function end(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

const request = { command: "yield", transports: ["tcp", "udp"], forMs: 600_000 } as const;
const asked = (port: number, parts: Partial<{ forMs: number; transports: ("tcp" | "udp")[] }> = {}) => ({
  ...request,
  transports: [...request.transports],
  port,
  ...parts,
});

t.test("a port is free on all addresses and both transports when the answer comes", async (t) => {
  const { port, listeners, handOver, told } = await setUp(t);
  const half = connect(port, addresses[0]);
  half.on("error", () => {});
  await once(half, "connect");
  const cut = new Promise((resolve) => half.once("close", resolve));
  t.strictSame(await handOver.giveUp(asked(port)), {
    ok: true,
    node: "one",
    givenUp: (["tcp", "udp"] as const).flatMap((transport) =>
      addresses.map((address) => ({ transport, address })),
    ),
    until: "2026-11-21T08:10:00.000Z",
  });
  for (const address of addresses) await end(await serve(port, address));
  const udp = createSocket("udp4");
  udp.bind({ port, address: addresses[1]!, exclusive: true });
  await once(udp, "listening");
  udp.close();
  await cut;
  t.pass("who was connected is not");
  t.equal(listeners.report.bound, 0);
  t.match(listeners.report.exceptions, [
    { transport: "tcp", port, state: "absent", detail: "given up by request until 2026-11-21T08:10:00.000Z" },
    {},
    {},
    {},
  ]);
  t.equal(await told(), `gave up tcp/${port} and udp/${port} by request until 2026-11-21T08:10:00.000Z`);
  await listeners.reconcile();
  t.equal(listeners.report.bound, 0, "and it is not taken again meanwhile");
});

t.test("one transport is given up and the other kept", async (t) => {
  const { port, listeners, handOver } = await setUp(t);
  t.match(await handOver.giveUp(asked(port, { transports: ["udp"] })), { ok: true });
  t.equal(listeners.report.bound, 2);
  t.ok(listeners.report.exceptions.every(({ transport }) => transport === "udp"));
});

t.test("when the time is over a free port is taken again, and a taken one is the service's", async (t) => {
  const { port, listeners, handOver, told } = await setUp(t);
  await handOver.giveUp(asked(port, { forMs: 1 }));
  await told();
  t.match(await told(), /the time for .* is over, wanted it back/);
  t.equal(listeners.report.bound, 4);

  await handOver.giveUp(asked(port, { transports: ["tcp"], forMs: 500 }));
  const service = await serve(port, addresses[0]!);
  t.teardown(() => service.close());
  await told();
  t.match(await told(), new RegExp(`is over, left it to .*pid ${process.pid}`));
  t.match(listeners.report, {
    bound: 3,
    exceptions: [{ address: addresses[0], state: "occupied", owner: new RegExp(`pid ${process.pid}`) }],
  });
});

t.test("who asks again for what was given up has it for longer", async (t) => {
  const { port, listeners, handOver, told } = await setUp(t);
  await handOver.giveUp(asked(port, { forMs: 1 }));
  await handOver.giveUp(asked(port, { forMs: 60_000 }));
  t.match(
    [await told(), await told()],
    [/until 2026-11-21T08:00:00\.001Z/, /until 2026-11-21T08:01:00\.000Z/],
  );
  await handOver.giveUp(asked(port, { forMs: 60_001, transports: ["udp"] }));
  t.equal(listeners.report.bound, 0, "the first end did not count any more");
});

t.test("what the agent does not hold it cannot give, and it says who does", async (t) => {
  const { port, listeners, handOver, wanted } = await setUp(t);
  t.match(await handOver.giveUp(asked(1)), { ok: false, message: "one does not hold port 1" });
  const other = await freePort(addresses[0]);
  const service = await serve(other, addresses[0]!);
  t.teardown(() => service.close());
  await listeners.reconcile([
    ...wanted,
    { transport: "tcp", address: addresses[0]!, ports: [[other, other]] },
  ]);
  const refused = await handOver.giveUp(asked(other));
  t.match(refused, {
    ok: false,
    message: new RegExp(`one does not hold tcp/${other}: .*pid ${process.pid}.* does`),
  });
  t.equal(listeners.report.bound, 4, `${port} is still held`);
});

t.test("a request in the middle of binding leaves nothing bound", async (t) => {
  const { port, listeners, handOver, wanted } = await setUp(t);
  await listeners.reconcile([]);
  const binding = listeners.reconcile(wanted);
  await new Promise(setImmediate);
  await handOver.giveUp(asked(port));
  await binding;
  t.equal(listeners.report.bound, 0);
});

t.test(
  "where services are respected, a port on which one was seen is not taken while it is down",
  async (t) => {
    for (const respectServices of [true, false]) {
      const { port, listeners, wanted } = await setUp(t, respectServices);
      await listeners.reconcile([]);
      const service = await serve(port, addresses[0]!);
      const tcp = wanted.slice(0, 1);
      t.match(await listeners.reconcile(tcp), { bound: 0, exceptions: [{ state: "occupied" }] });
      await end(service);
      const report = await listeners.reconcile(tcp);
      if (respectServices) {
        t.match(report, {
          bound: 0,
          exceptions: [
            { state: "absent", detail: new RegExp(`^left to the service that held it before: .*pid`) },
          ],
        });
        t.strictSame(
          await listeners.reconcile([{ ...tcp[0]!, take: true }]),
          { bound: 1, exceptions: [] },
          "unless it is told to",
        );
      } else t.strictSame(report, { bound: 1, exceptions: [] });
    }
  },
);

t.test("what was seen and what was given up is known beyond one link", async (t) => {
  const fixture = await createFixture();
  t.teardown(() => fixture[Symbol.dispose]());
  const claims = new Claims();
  const options = { claims, respectServices: true };
  const [address] = addresses as [string];
  const [seen, given] = [await freePort(address), await freePort(address)];
  const wanted: WantedListener[] = [seen, given].map((port) => ({
    transport: "tcp",
    address,
    ports: [[port, port]],
  }));
  const service = await serve(seen, address);
  {
    await using first = new Listeners(await fixture.listening(1, "one"), options);
    await first.reconcile(wanted);
  }
  await end(service);
  claims.giveUp("tcp", given, new Date(0));
  await using second = new Listeners(await fixture.listening(1, "one"), options);
  t.match(await second.reconcile(wanted), {
    bound: 0,
    exceptions: [{ detail: /left to the service/ }, { detail: /given up by request/ }],
  });
});

t.test("where services are respected, one that comes to a port that was left to it is found", async (t) => {
  for (const respectServices of [true, false]) {
    const { port, listeners, handOver, wanted } = await setUp(t, respectServices);
    await handOver.giveUp(asked(port, { transports: ["tcp"] }));
    const elsewhere = await serve(port, "127.78.5.3");
    t.match(
      await listeners.reconcile(),
      { exceptions: [{ state: "absent" }, { state: "absent" }] },
      "another address of the host is another place",
    );
    await end(elsewhere);
    const service = await serve(port, addresses[0]!);
    const [found, other] = (await listeners.reconcile()).exceptions;
    const seen = { state: "occupied", owner: new RegExp(`pid ${process.pid}`) };
    t.match(found, { address: addresses[0], ...(respectServices ? seen : { state: "absent" }) });
    t.match(other, { address: addresses[1], state: "absent" });
    await end(service);
    t.match(await listeners.reconcile(), {
      bound: 2,
      exceptions: [{ state: "absent", detail: /^given up by request/ }, {}],
    });
    const everywhere = await serve(port, "0.0.0.0");
    const states = (await listeners.reconcile()).exceptions.map(({ state }) => state);
    t.strictSame(
      states,
      Array.from({ length: 2 }, () => (respectServices ? "occupied" : "absent")),
    );
    await end(everywhere);
    await listeners.reconcile(wanted.slice(2));
  }
});
