/** The kernel's own counters, by what really makes them count. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { grown, readKernelCounters, type KernelCounters } from "../../agent/kernel-counters.ts";
import { freePort } from "../helpers/agent-fixtures.ts";

const noProc = process.platform === "linux" ? false : "needs /proc";

/** Waits for a counter to move, because the other end's half of the work may still be under way. */
async function counted(before: KernelCounters, name: keyof KernelCounters): Promise<number> {
  for (let tries = 0; tries < 100 && grown(before, readKernelCounters())[name] === 0; tries++)
    await sleep(20);
  return grown(before, readKernelCounters())[name];
}

t.test("counters are whole numbers that never go back", { skip: noProc }, async (t) => {
  const first = readKernelCounters();
  for (const [name, value] of Object.entries(first)) t.ok(Number.isSafeInteger(value) && value >= 0, name);
  for (const [name, value] of Object.entries(grown(first, readKernelCounters()))) t.ok(value >= 0, name);
  t.strictSame(grown(first, first), { unreachablesIn: 0, retransmitsRefused: 0, loopbackPackets: 0 });
});

for (const [type, address] of [
  ["udp4", "127.0.0.1"],
  ["udp6", "::1"],
] as const) {
  t.test(`a refused datagram to ${address} is an "unreachable" that arrived`, { skip: noProc }, async (t) => {
    const before = readKernelCounters();
    const socket = createSocket(type);
    t.teardown(() => socket.close());
    // Nobody is told of it: the socket is not connected.
    socket.send("x", await freePort(address), address);
    t.ok((await counted(before, "unreachablesIn")) >= 1);
  });
}

t.test("what this host says to itself comes over loopback", { skip: noProc }, async (t) => {
  const server = createServer((socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const before = readKernelCounters();
  const socket = connect((server.address() as { port: number }).port, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
  t.ok((await counted(before, "loopbackPackets")) >= 3, "a handshake at least");
});
