/** Holding ports: states, reconciliation, limits, and what a listener does not do for strangers. */
import { execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { Listeners } from "../../agent/listeners.ts";
import { streamLimits } from "../../agent/protocols/stream-listener.ts";
import { createRequest } from "../../shared/proof.ts";
import { createFixture, freePort } from "../helpers/agent-fixtures.ts";

const address = "127.78.2.1";

t.test("thousands of ports are held, kept, added and given up", async (t) => {
  using fixture = await createFixture();
  await using listeners = new Listeners(await fixture.listening(1, "one"));
  const both = (ports: [number, number][]): Parameters<Listeners["reconcile"]>[0] => [
    { transport: "tcp", address, ports },
    { transport: "udp", address, ports },
  ];
  t.strictSame(await listeners.reconcile(both([[30000, 32767]])), { bound: 5_536, exceptions: [] });
  t.strictSame(await listeners.reconcile(both([[30000, 30001]])), { bound: 4, exceptions: [] });
  const server = createServer();
  server.listen(32767, address);
  await once(server, "listening");
  t.pass("a port that was given up can be had by somebody else");
  server.close();
  t.strictSame(await listeners.reconcile(both([[30000, 30003]])), { bound: 8, exceptions: [] });
});

t.test("a port of another process is occupied and its owner is named", async (t) => {
  using fixture = await createFixture();
  const port = await freePort(address);
  const other = createServer();
  other.listen(port, address);
  await once(other, "listening");
  const socket = createSocket("udp4");
  socket.bind(port, address);
  await once(socket, "listening");
  t.teardown(() => {
    other.close();
    socket.close();
  });
  await using listeners = new Listeners(await fixture.listening(1, "one"));
  const report = await listeners.reconcile([
    { transport: "tcp", address, ports: [[port, port]] },
    { transport: "udp", address, ports: [[port, port]] },
  ]);
  t.equal(report.bound, 0);
  t.match(report.exceptions, [
    { transport: "tcp", port, state: "occupied", owner: new RegExp(`pid ${process.pid}`) },
    { transport: "udp", port, state: "occupied", owner: new RegExp(`pid ${process.pid}`) },
  ]);
});

t.test("the owner of a port is the one on the same address", async (t) => {
  using fixture = await createFixture();
  const port = await freePort(address);
  const hold = async (host: string): Promise<string> => {
    const script = `require("node:net").createServer().listen(${port}, "${host}", () => console.log("up"))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => child.kill());
    await once(child.stdout, "data");
    return String(child.pid);
  };
  const hosts = ["127.78.2.7", "127.78.2.8", "127.78.2.9"];
  const pids = [];
  for (const host of hosts) pids.push(await hold(host));
  await using listeners = new Listeners(await fixture.listening(1, "one"));
  const { exceptions } = await listeners.reconcile(
    hosts.map((host) => ({ transport: "tcp", address: host, ports: [[port, port]] })),
  );
  t.strictSame(
    exceptions.map(({ owner }) => /pid ([0-9]+)/.exec(owner!)![1]),
    pids,
  );
});

t.test("an address that is not on this host is listened for everywhere, as behind a NAT", async (t) => {
  using fixture = await createFixture();
  const port = await freePort("0.0.0.0");
  await using listeners = new Listeners(await fixture.listening(1, "one"));
  t.strictSame(
    await listeners.reconcile([{ transport: "tcp", address: "192.0.2.1", ports: [[port, port]] }]),
    { bound: 1, exceptions: [] },
  );
});

t.test(
  "without privilege a low port is denied with the remedy; without descriptors the limit is named",
  async (t) => {
    const script = join(import.meta.dirname, "../helpers/hold-ports.ts");
    const hold = async (
      prefix: string,
      ...ports: string[]
    ): Promise<{ exceptions: { state: string; detail: string }[]; bound: number }> => {
      const { stdout } = await promisify(execFile)(
        "sh",
        ["-c", `${prefix} "${process.execPath}" "${script}" ${ports.join(" ")}`],
        { env: { ...process.env, NODE_OPTIONS: "" } },
      );
      return JSON.parse(stdout) as Awaited<ReturnType<typeof hold>>;
    };
    // CAP_NET_BIND_SERVICE is what root loses here; everything else stays readable to the process.
    const denied = await hold("setpriv --bounding-set -net_bind_service --inh-caps -net_bind_service", "443");
    t.match(denied, {
      bound: 0,
      exceptions: [{ state: "denied", detail: /run the agent as root, or give it CAP_NET_BIND_SERVICE/ }],
    });
    const exhausted = await hold("ulimit -n 200;", "31000-31999");
    t.ok(exhausted.bound > 50 && exhausted.bound < 200);
    t.match(exhausted.exceptions.at(-1), {
      state: "absent",
      detail:
        /out of file descriptors: raise the limit of open files \(now 200\) to at least 2048: ulimit -n 2048/,
    });
  },
);

t.test("a silent connection is ended, and one port holds only so many", async (t) => {
  using fixture = await createFixture();
  const port = await freePort(address);
  await using listeners = new Listeners(await fixture.listening(1, "one"));
  await listeners.reconcile([{ transport: "tcp", address, ports: [[port, port]] }]);
  const sockets: Socket[] = [];
  const closed = Array.from({ length: streamLimits.connectionsPerPort + 20 }, () => {
    const socket = connect(port, address);
    socket.on("error", () => {});
    sockets.push(socket);
    return once(socket, "close");
  });
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  await Promise.all(closed);
  t.pass("all were ended by the listener");
  const again = connect(port, address);
  await once(again, "connect");
  again.destroy();
});

t.test(
  "UDP answers a valid probe with one datagram of the same length, and nothing else at all",
  async (t) => {
    using fixture = await createFixture();
    const port = await freePort(address);
    await using listeners = new Listeners(await fixture.listening(1, "one"));
    await listeners.reconcile([{ transport: "udp", address, ports: [[port, port]] }]);
    const socket = createSocket("udp4");
    const answers: Buffer[] = [];
    socket.on("message", (answer) => answers.push(answer));
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    t.teardown(() => socket.close());
    const send = (datagram: Buffer): Promise<void> =>
      new Promise((resolve) => socket.send(datagram, port, address, () => resolve()));
    const request = createRequest(fixture.epoch, { from: 0, to: 1, port, protocol: "udp" });
    for (let byte = 0; byte < request.length; byte++) {
      const broken = Buffer.from(request);
      broken[byte]! ^= 1;
      await send(broken);
    }
    for (const size of [0, 1, 63, 65, 1_400]) await send(Buffer.alloc(size, 0x50));
    await send(request);
    while (answers.length === 0) await once(socket, "message");
    t.equal(answers.length, 1, "the valid one, sent last, is the only one answered");
    t.equal(answers[0]!.length, request.length);
    await send(answers[0]!);
    await send(createRequest(fixture.epoch, { from: 0, to: 1, port, protocol: "udp" }));
    while (answers.length < 2) await once(socket, "message");
    t.equal(answers.length, 2, "an answer is never answered");
  },
);
