/** The name in a ClientHello: real ones, cut ones, and bytes that are none. */
import { createServer, type AddressInfo } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";
import t from "tap";
import { maxHelloBytes, readClientHello } from "../../../agent/protocols/client-hello.ts";

/** The first bytes that Node's own TLS client sends. */
function helloOf(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (bytes.length < 5 || bytes.length < 5 + bytes.readUInt16BE(3)) return;
        socket.destroy();
        server.close();
        resolve(bytes);
      });
    });
    server.listen(0, "127.0.0.1", () => {
      const client = connect({ port: (server.address() as AddressInfo).port, ...options });
      client.on("error", () => {});
    });
  });
}

const read = (serverName: string | undefined): unknown => ({ state: "read", serverName });

t.test("the name is read, with and without a post-quantum key share", async (t) => {
  for (const more of [
    {},
    { ecdhCurve: "X25519" },
    { maxVersion: "TLSv1.2" },
    { ALPNProtocols: ["h2"] },
  ] as const) {
    const hello = await helloOf({ servername: "coordinator.portmesh", ...more });
    t.strictSame(readClientHello(hello), read("coordinator.portmesh"), JSON.stringify(more));
  }
});

t.test("X25519 alone keeps the whole ClientHello in one segment", async (t) => {
  const hello = await helloOf({ servername: "coordinator.portmesh", ecdhCurve: "X25519" });
  t.ok(hello.length < 1_220, `${hello.length} bytes`);
});

t.test("without the extension there is no name", async (t) => {
  t.strictSame(readClientHello(await helloOf({ servername: "" })), read(undefined));
});

t.test("every cut of a ClientHello is incomplete, never something else", async (t) => {
  const hello = await helloOf({ servername: "coordinator.portmesh", ecdhCurve: "X25519" });
  for (let length = 0; length < hello.length; length++)
    if (readClientHello(hello.subarray(0, length)).state !== "incomplete") t.fail(`${length} bytes`);
});

t.test("a ClientHello in many records is put together", async (t) => {
  const hello = await helloOf({ servername: "coordinator.portmesh", ecdhCurve: "X25519" });
  const records: Buffer[] = [];
  for (let at = 5; at < hello.length; at += 7) {
    const part = hello.subarray(at, at + 7);
    records.push(Buffer.from([0x16, 3, 1, 0, part.length]), part);
  }
  const fragmented = Buffer.concat(records);
  t.strictSame(readClientHello(fragmented), read("coordinator.portmesh"));
  t.strictSame(readClientHello(fragmented.subarray(0, -1)), { state: "incomplete" });
});

t.test("no altered byte makes it throw, and what never ends is given up", async (t) => {
  const hello = await helloOf({ servername: "coordinator.portmesh", ecdhCurve: "X25519" });
  for (let at = 0; at < hello.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const altered = Buffer.from(hello);
      altered[at] = value;
      readClientHello(altered);
    }
  }
  t.strictSame(readClientHello(Buffer.from([0x17, 3, 3, 0, 1, 0])), read(undefined), "no handshake record");
  t.strictSame(readClientHello(Buffer.from([0x16, 3, 3, 0, 0])), read(undefined), "an empty record");
  t.strictSame(
    readClientHello(Buffer.from([0x16, 3, 3, 0, 4, 2, 0, 0, 0])),
    read(undefined),
    "a ServerHello",
  );
  const huge = Buffer.from([0x16, 3, 3, 0, 4, 1, 0xff, 0xff, 0xff]);
  t.strictSame(readClientHello(huge), read(undefined), "16 MB announced");
  const endless = Buffer.alloc(maxHelloBytes);
  Buffer.from([0x16, 3, 3, 0xff, 0xff, 1, 0, 0x40, 0]).copy(endless);
  t.strictSame(readClientHello(endless), read(undefined));
});
