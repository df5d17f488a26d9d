/** What a name means on this node, and who said what where it means nothing. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import t, { type Test } from "tap";
import { givenAddresses, NodeResolver, systemResolver } from "../../../agent/endpoints/resolve.ts";

const never = new AbortController().signal;

function failing(code: string): () => Promise<string[]> {
  return async () => {
    throw Object.assign(new Error(code), { code });
  };
}

const answering =
  (...addresses: string[]) =>
  async (): Promise<string[]> =>
    addresses;

/** A name server that answers every question in the same way, or not at all. Resolves with `address:port`. */
async function nameServer(
  t: Test,
  how: { code?: number; address?: string; mute?: boolean },
): Promise<string> {
  const socket = createSocket("udp4");
  socket.on("message", (question, from) => {
    if (how.mute === true) return;
    const end = question.indexOf(0, 12) + 5;
    const isIPv4 = question.readUInt16BE(end - 4) === 1;
    const records =
      how.address !== undefined && isIPv4
        ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...how.address.split(".").map(Number)])
        : Buffer.alloc(0);
    const header = Buffer.from(question.subarray(0, 12));
    header.writeUInt16BE(0x8180 | (how.code ?? 0), 2);
    header.writeUInt16BE(records.length === 0 ? 0 : 1, 6);
    header.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([header, question.subarray(12, end), records]), from.port, from.address);
  });
  t.teardown(() => socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return `127.0.0.1:${socket.address().port}`;
}

t.test("the system's answer counts, and the node's name servers are told", async (t) => {
  const resolver = new NodeResolver({
    lookup: answering("203.0.113.7", "2001:DB8::7", "203.0.113.7", "::ffff:203.0.113.8"),
    servers: () => ["10.0.0.2", "10.0.0.3"],
  });
  const found = await resolver.resolve("a.example", never);
  const addresses = ["203.0.113.7", "2001:db8::7", "203.0.113.8"];
  t.match(found, { resolvers: ["10.0.0.2", "10.0.0.3"], addresses, usable: addresses });
  t.equal(found.code, undefined);
});

t.test("a name is looked up once, however often it is asked for", async (t) => {
  let asked = 0;
  const lookup = async (): Promise<string[]> => {
    asked++;
    return ["203.0.113.7"];
  };
  const resolver = new NodeResolver({ lookup, servers: () => [] });
  await Promise.all([resolver.resolve("a.example", never), resolver.resolve("a.example", never)]);
  t.equal(asked, 1);
});

t.test("where there is no address, each name server is asked by itself", async (t) => {
  const servers = [
    await nameServer(t, { code: 3 }),
    await nameServer(t, { code: 2 }),
    await nameServer(t, {}),
    await nameServer(t, { mute: true }),
  ];
  const resolver = new NodeResolver({ lookup: failing("ENOTFOUND"), servers: () => servers });
  const found = await resolver.resolve("a.example", never);
  t.match(found, { addresses: [], usable: [], code: "ENOTFOUND", resolvers: servers });
  const [denies, fails, empty, mute] = servers;
  t.equal(
    found.detail,
    `${denies}: ENOTFOUND; ${fails}: ESERVFAIL; ${empty}: ENODATA; ${mute}: no answer in 2 s`,
  );
});

t.test("a name server that does know the name is told, and the system's word stands", async (t) => {
  const server = await nameServer(t, { address: "203.0.113.9" });
  const resolver = new NodeResolver({ lookup: failing("EAI_AGAIN"), servers: () => [server] });
  const found = await resolver.resolve("a.example", never);
  t.match(found, { code: "EAI_AGAIN", usable: [], detail: `${server}: 203.0.113.9` });
});

t.test("names that hang do not take the others along", async (t) => {
  const hanging: (() => void)[] = [];
  const lookup = (host: string): Promise<string[]> =>
    host.startsWith("slow")
      ? new Promise((resolve) => hanging.push(() => resolve([])))
      : Promise.resolve(["203.0.113.7"]);
  const server = await nameServer(t, { address: "203.0.113.9" });
  const resolver = new NodeResolver({ lookup, servers: () => [server] });
  const slow = ["slow1", "slow2", "slow3"].map((host) => resolver.resolve(host, never));
  const waiting = resolver.resolve("a.example", never);
  t.equal(hanging.length, 3);
  t.match(await waiting, { usable: ["203.0.113.9"] }, "all threads are held: the name servers have the word");
  for (const found of await Promise.all(slow)) t.match(found, { code: "ETIMEOUT", usable: [] });
  hanging.forEach((end) => end());
  t.match(await resolver.resolve("b.example", never), { usable: ["203.0.113.7"] });
});

t.test("an address of nobody is not used", async (t) => {
  for (const sink of ["0.0.0.0", "::", "127.0.0.1", "::1", "169.254.0.1", "fe80::1", "::ffff:127.0.0.1"]) {
    const resolver = new NodeResolver({ lookup: answering(sink), servers: () => [] });
    const found = await resolver.resolve("blocked.example", never);
    t.match(found, { code: "ESINKHOLE", usable: [], detail: /an address of nobody/ }, sink);
    t.equal(found.addresses.length, 1);
  }
  const resolver = new NodeResolver({ lookup: answering("0.0.0.0", "203.0.113.7"), servers: () => [] });
  const mixed = await resolver.resolve("a.example", never);
  t.match(mixed, { usable: ["203.0.113.7"], detail: /^0\.0\.0\.0: / });
  t.equal(mixed.code, undefined);
});

t.test("what the system's own resolver says of its own names", async (t) => {
  const resolver = new NodeResolver(systemResolver);
  t.match(await resolver.resolve("localhost", never), { code: "ESINKHOLE", addresses: /127|::1/ });
});

t.test("the end of an inspection does not wait for anybody", async (t) => {
  const over = new AbortController();
  const server = await nameServer(t, { mute: true });
  const lookup = (): Promise<string[]> => new Promise(() => {});
  const resolver = new NodeResolver({ lookup, servers: () => [server] });
  const startedAt = performance.now();
  const found = resolver.resolve("a.example", over.signal);
  over.abort();
  t.match(await found, { usable: [] });
  t.ok(performance.now() - startedAt < 1_500);
});

t.test("addresses of the cluster file are taken as they are, each once, and not without end", async (t) => {
  const many = Array.from({ length: 100 }, (_, index) => `10.0.0.${index}`);
  t.match(givenAddresses(["10.0.0.1", "::ffff:10.0.0.1", "what?"]), {
    resolvers: ["cluster file"],
    addresses: ["10.0.0.1"],
    usable: ["10.0.0.1"],
  });
  t.equal(givenAddresses(many).usable.length, 64);
});
