/** The kernel's tables of sockets, by sockets of our own. Half-open connections need a firewall: the lab has them. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import t from "tap";
import { socketStates, socketTable } from "../../agent/socket-table.ts";

const noProc = process.platform === "linux" ? false : "needs /proc";

for (const address of ["127.0.0.1", "::1"]) {
  t.test(`a listening port on ${address} is found, with its owner`, { skip: noProc }, async (t) => {
    const server = createServer().listen(0, address);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const find = (state?: string) =>
      [...socketTable("tcp", state)].filter(({ localPort }) => localPort === port);
    const [entry, ...others] = find(socketStates.listening);
    t.strictSame(others, []);
    t.match(entry, { state: "0A", uid: String(process.getuid!()), inode: /^[1-9][0-9]*$/ });
    t.strictSame(find(socketStates.halfOpen), []);
    t.equal(find().length, 1, "without a state every one is asked for");
    server.close();
    await once(server, "close");
    t.strictSame(find(socketStates.listening), []);
  });

  t.test(`the far end of a connection to ${address} is read as an address`, { skip: noProc }, async (t) => {
    const server = createServer().listen(0, address);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const client = connect(port, address);
    const [served] = await accepted;
    t.teardown(() => {
      client.destroy();
      served.destroy();
      server.close();
    });
    t.strictSame(
      [...socketTable("tcp", "01")]
        .filter(({ localPort }) => localPort === port)
        .map(({ remoteAddress }) => remoteAddress),
      [address],
    );
  });
}

t.test("a UDP port is found in its own table, and in no other", { skip: noProc }, async (t) => {
  const socket = createSocket("udp4");
  t.teardown(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  t.ok([...socketTable("udp")].some(({ localPort }) => localPort === port));
  t.notOk([...socketTable("tcp", socketStates.listening)].some(({ localPort }) => localPort === port));
});
