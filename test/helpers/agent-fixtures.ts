/** Keys, certificates and contexts as a coordinator would hand them out, for tests of an agent's two ends. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:net";
import type { ListenerContext, ProbeContext } from "../../agent/protocols/protocol.ts";
import { secureContext } from "../../agent/protocols/tls.ts";
import { eagerDatagrams } from "../../agent/protocols/udp.ts";
import { UdpSweep } from "../../agent/protocols/udp-sweep.ts";
import { RequestLog } from "../../agent/request-log.ts";
import { Authority } from "../../coordinator/authority.ts";
import { certificateName } from "../../shared/link.ts";
import { epochKey, type EpochKey } from "../../shared/proof.ts";

export interface Fixture extends Disposable {
  authority: Authority;
  epoch: EpochKey;
  /** What the listeners of node `index`, called `name`, share. */
  listening(index: number, name: string): Promise<ListenerContext>;
  /** What the probes of node `name` share. */
  probing(name: string, timeoutMs?: number): Promise<ProbeContext>;
}

export async function createFixture(): Promise<Fixture> {
  const authority = await Authority.create(new Date());
  const epoch = epochKey(7, randomBytes(32).toString("base64url"));
  const sweeps: UdpSweep[] = [];
  const identity = async (name: string): Promise<{ cert: string; key: string }> => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    return { cert: await authority.certify(publicKey, certificateName(name), new Date()), key: privateKey };
  };
  return {
    authority,
    epoch,
    async listening(index, name) {
      const certificate = { ...(await identity(name)), ca: authority.certificatePem };
      return { epoch, node: index, certificate, requests: new RequestLog() };
    },
    async probing(name, timeoutMs = 2_000) {
      const udp = new UdpSweep();
      sweeps.push(udp);
      const ca = authority.certificatePem;
      return {
        epoch,
        timeoutMs,
        source: {},
        credentials: { anonymous: secureContext(ca), identified: secureContext(ca, await identity(name)) },
        udp,
        datagrams: eagerDatagrams,
        open: new Set(),
      };
    },
    [Symbol.dispose]() {
      for (const sweep of sweeps) sweep.close();
    },
  };
}

/** A TCP port that nobody holds at the moment. */
export function freePort(host = "127.0.0.1"): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
