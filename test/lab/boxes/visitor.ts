/** Has one conversation, in raw bytes, and prints what it heard: the tests' own eye, which knows nothing of Portmesh. */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Conversation, Datagram, Found, Visit } from "../outside/visit.ts";

const visit = JSON.parse(process.argv[2]!) as Visit;
const patience = AbortSignal.timeout(8_000);
const found: Found = { heard: [], addresses: [] };
let leave = (): void => {};

try {
  if ("lookup" in visit)
    found.addresses = (await lookup(visit.lookup, { all: true })).map((one) => one.address);
  else if ("datagram" in visit) found.heard.push(await exchange(visit));
  else await converse(visit);
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  found.error = code ?? message;
}
process.stdout.write(JSON.stringify(found));
leave();

async function exchange({ host, port, datagram }: Datagram): Promise<string> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  leave = () => void socket.close();
  socket.send(Buffer.from(datagram, "latin1"), port, host);
  const [answer] = (await once(socket, "message", { signal: patience })) as [Buffer];
  return answer.toString("latin1");
}

async function converse({ host, port, steps }: Conversation): Promise<void> {
  let socket: Socket = connect(port, host);
  leave = () => void socket.on("error", () => {}).destroy();
  await once(socket, "connect", { signal: patience });
  for (const step of steps) {
    if ("say" in step) socket.write(Buffer.from(step.say, "latin1"));
    else if ("hear" in step) found.heard.push(await hear(socket, new RegExp(step.hear, "s")));
    else {
      const secured = connectTls({
        socket,
        servername: step.tls,
        minVersion: "TLSv1",
        ciphers: "DEFAULT:@SECLEVEL=0",
        ...(step.ca === undefined ? {} : { ca: step.ca }),
        rejectUnauthorized: false,
      });
      await once(secured, "secureConnect", { signal: patience });
      const { issuer } = secured.getPeerCertificate();
      found.tls = {
        protocol: secured.getProtocol() ?? "",
        issuer: String(issuer.CN),
        ...(secured.authorized ? {} : { code: String(secured.authorizationError) }),
      };
      socket = secured;
    }
  }
}

/** Everything from the last time on, up to the end of what matches; all there was where the far end leaves. */
async function hear(socket: Socket, wanted: RegExp): Promise<string> {
  let heard = "";
  while (!wanted.test(heard)) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) heard += chunk.toString("latin1");
    else if (socket.readableEnded || socket.destroyed) return `${heard}<end>`;
    else
      await Promise.race([
        once(socket, "readable", { signal: patience }),
        once(socket, "end"),
        once(socket, "close"),
      ]);
  }
  return heard;
}
