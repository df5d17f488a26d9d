/** Keys, certificates and contexts as a coordinator would hand them out, for tests of an agent's two ends. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import type { Test } from "tap";
import type { AgentConfig } from "../../agent/agent.ts";
import { defaultPolicy } from "../../agent/policy.ts";
import type { ListenerContext, ProbeContext } from "../../agent/protocols/protocol.ts";
import { secureContext } from "../../agent/protocols/tls.ts";
import { eagerDatagrams } from "../../agent/protocols/udp.ts";
import { UdpSweep } from "../../agent/protocols/udp-sweep.ts";
import { RequestLog } from "../../agent/request-log.ts";
import { Authority } from "../../coordinator/authority.ts";
import { parseCluster, type Cluster } from "../../shared/cluster-file.ts";
import { createKeyPair } from "../../shared/key-pair.ts";
import { certificateName } from "../../shared/link.ts";
import { epochKey, type EpochKey } from "../../shared/proof.ts";
import { parseSpec } from "../../shared/spec.ts";
import { smallSpec } from "./cli.ts";

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
    const { publicKey, privateKey } = createKeyPair();
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

/** How an agent runs, but for its name and where it joins. Its folder goes with the test. */
export function agentConfig({ teardown }: Pick<Test, "teardown">): Omit<AgentConfig, "node" | "join"> {
  const stateDir = mkdtempSync(`${tmpdir()}/portmesh-`);
  teardown(() => rmSync(stateDir, { recursive: true, force: true }));
  const identity = { version: "test", host: "here", pid: 1, uid: process.getuid?.() };
  return { policy: defaultPolicy, giveUpMs: 20_000, stateDir, ...identity };
}

/** Nodes a and b on a loopback network of their own, with the small product. */
export function clusterOn(network: number): Cluster {
  const nodes = ["a", "b"].map((name, index) => ({ name, address: `127.79.${network}.${index + 1}` }));
  const text = JSON.stringify({ name: "t", specs: [{ file: "small" }], nodes });
  return parseCluster(text, "cluster.yaml", {
    shippedIds: () => [],
    shipped: (id) => {
      throw new Error(`${id} is not shipped`);
    },
    file: () => parseSpec(JSON.stringify(smallSpec), "small"),
    text: () => undefined,
  });
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
