/** An inspection: what this node finds at endpoints, and what it reads of its own host. Imported when it is asked for. */
import { familyOf } from "../shared/addresses.ts";
import type { AgentMessage, InspectMessage } from "../shared/wire.ts";
import { attempt } from "./endpoints/attempt.ts";
import { EndpointPolicy, type AddressSource } from "./endpoints/endpoint-policy.ts";
import { inspectEndpoints, type InspectDependencies } from "./endpoints/inspect.ts";
import { givenAddresses, givenFor, NodeResolver } from "./endpoints/resolve.ts";
import { Trust } from "./endpoints/tls-facts.ts";
import type { LookAtCertificate } from "./facts/certificates.ts";
import { downloadLimits, measureDownload, type DownloadDependencies } from "./facts/downloads.ts";
import { readNodeFacts, thisHost } from "./facts/read-facts.ts";
import { eagerDatagrams } from "./protocols/udp.ts";

export interface OwnDependencies extends InspectDependencies {
  /** The node's own address, at which its services are looked at. */
  ownAddress: string;
  env: NodeJS.ProcessEnv;
}

/** Sends what it finds as it comes. */
export async function inspect(
  message: Omit<InspectMessage, "type">,
  deps: OwnDependencies,
  send: (message: AgentMessage) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { round } = message;
  const facts = readNodeFacts(
    message.facts,
    {
      ...thisHost(deps.env),
      certificateAt: certificatesOf(message, deps),
      download: (url, until) => measureDownload(url, downloadLimits, downloadsThrough(message, deps), until),
    },
    signal,
  );
  await Promise.all([
    inspectEndpoints(message, deps, (reports) => void send(reports), signal),
    facts.then((read) => (signal.aborted ? undefined : send({ type: "facts", round, facts: read }))),
  ]);
}

/** Over TLS with a service of this node, as anybody else would see it. */
function certificatesOf(
  { outside, timeoutMs }: Pick<InspectMessage, "outside" | "timeoutMs">,
  { ownAddress, sourceFor, health, now }: OwnDependencies,
): LookAtCertificate {
  return async (port, signal) => {
    const order = {
      host: ownAddress,
      transport: "tcp",
      application: "tcp",
      security: "tls",
      passthrough: false,
    } as const;
    const found = await attempt(order, { route: "direct", address: ownAddress }, port, {
      trust: new Trust(outside, now),
      timeoutMs,
      sourceFor,
      health,
      datagrams: eagerDatagrams,
      pace: () => Promise.resolve(),
      open: new Set(),
      signal,
    });
    return found.tls ?? found.detail ?? found.code ?? `${found.kind} in the ${found.phase} step`;
  };
}

function downloadsThrough(
  { outside }: Pick<InspectMessage, "outside">,
  { policy, addresses }: OwnDependencies,
): DownloadDependencies {
  const endpoints = new EndpointPolicy(addresses, policy.endpoints);
  const resolver = new NodeResolver();
  const sourceOf = (host: string): AddressSource =>
    givenFor(host, outside.resolve) === undefined ? "resolver" : "coordinator";
  return {
    proxy: outside.proxies.http,
    async resolve(host, signal) {
      const given = givenFor(host, outside.resolve);
      if (given !== undefined) return givenAddresses(given).usable;
      const { usable, code } = await resolver.resolve(host, signal);
      if (usable.length === 0) throw Object.assign(new Error(`${host} has no address`), { code });
      return usable;
    },
    refusal(host, port, address) {
      const target = { host, transport: "tcp", port } as const;
      if (address === undefined) return endpoints.refusalBehindProxy(target, familyOf(host) !== undefined);
      const { http } = outside.proxies;
      return http?.host === host && http.port === port
        ? Promise.resolve(endpoints.refusalOfProxy(http, address, sourceOf(host)))
        : endpoints.refusal(target, address, sourceOf(host));
    },
  };
}
