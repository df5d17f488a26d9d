/** Downloads from real servers, straight and through a real proxy. */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import t, { type Test } from "tap";
import {
  measureDownload,
  type DownloadDependencies,
  type DownloadLimits,
} from "../../../agent/facts/downloads.ts";
import { createFixture } from "../../helpers/agent-fixtures.ts";

t.setTimeout(60_000);

const never = new AbortController().signal;
const limits: DownloadLimits = { timeoutMs: 3_000, warmUpMs: 50, durationMs: 400, maxBytes: 1e12 };

/** Serves; resolves with its port. Everything ends with the test. */
async function serve(t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

const zeroes = Buffer.alloc(256 * 1024);

/** `/endless`, `/N` bytes, `/stall` after some, `/cut`, `/moved`, `/missing`, `/mute`. */
const pages: RequestListener = ({ url }, response) => {
  response.on("error", () => {});
  const size = Number(url!.slice(1));
  if (url === "/endless") {
    const more = (): void => {
      while (response.write(zeroes));
    };
    response.on("drain", more);
    more();
  } else if (url === "/stall" || url === "/cut") {
    response.writeHead(200, { "content-length": 1e9 });
    response.write(zeroes, () => url === "/cut" && response.destroy());
  } else if (url === "/moved") response.writeHead(302, { location: "http://other.example/\u009b31m" }).end();
  else if (size > 0) response.end(Buffer.alloc(size));
  else if (url !== "/mute") response.writeHead(404).end();
};

const deps: DownloadDependencies = {
  proxy: undefined,
  resolve: async (host) => {
    if (host === "files.example" || host === "proxy.example") return ["127.0.0.1"];
    throw Object.assign(new Error(`no ${host}`), { code: "ENOTFOUND" });
  },
  refusal: async () => undefined,
};

t.test("what comes after the warm-up is counted until the time is up, or the bytes are", async (t) => {
  const port = await serve(t, createServer(pages));
  const url = `http://files.example:${port}/endless`;
  const found = await measureDownload(url, limits, deps, never);
  t.match(found, { url, route: "direct", detail: undefined });
  t.ok(found.bytes > 1e6, `${found.bytes} bytes`);
  t.ok(found.elapsedMs >= 350, `${found.elapsedMs} ms`);
  const stalled = await measureDownload(`http://files.example:${port}/stall`, limits, deps, never);
  t.match(stalled, { bytes: 0, detail: undefined });
  t.ok(stalled.elapsedMs >= 350);
});

t.test("a file that is over too soon gives what can be told by it, and says so", async (t) => {
  const port = await serve(t, createServer(pages));
  const short = await measureDownload(`http://files.example:${port}/300000`, limits, deps, never);
  t.match(short, { bytes: 300_000, detail: /^the file ended after .* ms: name a larger one$/ });
  t.ok(short.elapsedMs > 0);
});

t.test("what is no file says why nothing was measured", async (t) => {
  const port = await serve(t, createServer(pages));
  const at = `http://files.example:${port}`;
  const details = {
    [`${at}/missing`]: "it answers HTTP 404 Not Found",
    [`${at}/moved`]: /^it answers HTTP 302 Found; name the place itself: http:\/\/other\.example\/[ -~]*$/,
    [`${at}/cut`]: `cannot download from files.example:${port}: ECONNRESET`,
    "http://nowhere.example/x": "cannot download from nowhere.example: ENOTFOUND",
    "http://127.0.0.1:1/x": "cannot download from 127.0.0.1:1: ECONNREFUSED",
    "ftp://files.example/x": "this is no URL of http or https",
    "http://me:secret@files.example/x": /has a user or a password/,
  };
  for (const [url, detail] of Object.entries(details))
    t.match(await measureDownload(url, limits, deps, never), { url, bytes: 0, elapsedMs: 0, detail });
  t.match(await measureDownload(`${at}/mute`, { ...limits, timeoutMs: 100 }, deps, never), {
    detail: `cannot download from files.example:${port}: no answer within 100 ms`,
  });
});

t.test("it takes its time although the answer had to come sooner, and ends with the signal", async (t) => {
  const port = await serve(t, createServer(pages));
  const url = `http://127.0.0.1:${port}/endless`;
  const found = await measureDownload(url, { ...limits, timeoutMs: 200, durationMs: 500 }, deps, never);
  t.match(found, { detail: undefined });
  t.ok(found.elapsedMs >= 400);
  const controller = new AbortController();
  const running = measureDownload(url, { ...limits, durationMs: 30_000 }, deps, controller.signal);
  setImmediate(() => controller.abort());
  t.match(await running, { bytes: 0, detail: /: it was given up$/ });
});

t.test("an address that the policy refuses is not dialled", async (t) => {
  let connections = 0;
  const server = createServer(pages).on("connection", () => connections++);
  const port = await serve(t, server);
  const asked: unknown[] = [];
  const refusal: DownloadDependencies["refusal"] = async (...place) => {
    asked.push(place);
    return "outside of this agent's policy";
  };
  t.match(await measureDownload(`http://files.example:${port}/1`, limits, { ...deps, refusal }, never), {
    detail: `cannot download from files.example:${port}: outside of this agent's policy`,
  });
  const proxy = { host: "proxy.example", port };
  t.match(await measureDownload("http://files.example/1", limits, { ...deps, refusal, proxy }, never), {
    route: "http",
    detail: `cannot download from files.example through proxy.example:${port}: outside of this agent's policy`,
  });
  t.strictSame(asked, [
    ["files.example", port, "127.0.0.1"],
    ["files.example", 80, undefined],
  ]);
  t.equal(connections, 0);
});

t.test(
  "HTTPS and HTTP go straight or through the proxy, which gets its credentials and no name from here",
  async (t) => {
    const fixture = await createFixture();
    const { certificate } = await fixture.listening(1, "server");
    const plainPort = await serve(t, createServer(pages));
    const securePort = await serve(t, createTlsServer(certificate, pages));
    const seen: { what: string; credentials: string | undefined }[] = [];
    const note = ({ method, url, headers }: IncomingMessage): void =>
      void seen.push({ what: `${method} ${url}`, credentials: headers["proxy-authorization"] });
    const proxy = createServer((incoming, response) => {
      note(incoming);
      const { port, pathname } = new URL(incoming.url!);
      const onward = request({ host: "127.0.0.1", port, path: pathname }, (answer) => {
        response.writeHead(answer.statusCode!);
        answer.pipe(response);
      });
      response.on("close", () => onward.destroy());
      onward.on("error", () => {}).end();
    }).on("connect", (incoming: IncomingMessage, near: Socket) => {
      note(incoming);
      const [host, port] = incoming.url!.split(":") as [string, string];
      if (host !== "hidden.example") return near.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      const far = connect(Number(port), "127.0.0.1", () => near.write("HTTP/1.1 200 OK\r\n\r\n"));
      near.pipe(far).pipe(near);
      near.on("close", () => far.destroy());
      far.on("error", () => near.destroy()).on("close", () => near.destroy());
      return undefined;
    });
    const proxyPort = await serve(t, proxy);
    const through = {
      ...deps,
      proxy: { host: "proxy.example", port: proxyPort, user: "me", password: "secret" },
    };

    t.match(await measureDownload(`https://files.example:${securePort}/endless`, limits, deps, never), {
      route: "direct",
      detail: undefined,
    });
    const urls = [
      `http://hidden.example:${plainPort}/endless`,
      `https://hidden.example:${securePort}/endless`,
    ];
    for (const url of urls) {
      const found = await measureDownload(url, limits, through, never);
      t.match(found, { url, route: "http", detail: undefined });
      t.ok(found.bytes > 1e6, `${found.bytes} bytes`);
    }
    t.match(await measureDownload("https://shut.example/x", limits, through, never), {
      bytes: 0,
      detail: `cannot download from shut.example through proxy.example:${proxyPort}: the proxy answers 403 Forbidden`,
    });
    const credentials = `Basic ${Buffer.from("me:secret").toString("base64")}`;
    t.strictSame(seen, [
      { what: `GET ${urls[0]}`, credentials },
      { what: `CONNECT hidden.example:${securePort}`, credentials },
      { what: "CONNECT shut.example:443", credentials },
    ]);
  },
);
