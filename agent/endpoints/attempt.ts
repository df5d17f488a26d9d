/** One attempt at one port of an endpoint, over one way: what was spoken, what TLS showed, and how it ended. */
import { familyOf, formatEndpoint } from "../../shared/addresses.ts";
import type { EndpointAttempt, TlsFacts, WireEndpoint } from "../../shared/endpoint-report.ts";
import type { ExchangeName, RouteName } from "../../shared/names.ts";
import { endpointExchange } from "../../shared/service-exchange.ts";
import { withOwnFault, type Health } from "../health.ts";
import { localRouteFault, mayBeLocal } from "../protocols/local-route.ts";
import type { Closable, Datagrams } from "../protocols/protocol.ts";
import { printable, type Place, type ServiceOutcome } from "../protocols/services/exchange.ts";
import { exchanges } from "../protocols/services/index.ts";
import { runDatagram } from "../protocols/services/run-datagram.ts";
import { runStream, type TlsOptions } from "../protocols/services/run-stream.ts";
import { asksForCertificate } from "../protocols/services/service-tls.ts";
import type { Tunnel } from "../protocols/tunnels/tunnel.ts";
import { lookForRequest } from "./client-certificate.ts";
import { ping } from "./ping.ts";
import type { Trust } from "./tls-facts.ts";

/** How to get to a port: straight to an address of the host, or through an address of a proxy. */
export interface Way {
  route: RouteName;
  /** What is dialled. */
  address: string;
  proxy?: { host: string; port: number; tunnelTo: (port: number) => Tunnel };
}

export interface AttemptContext {
  trust: Trust;
  /** For each try. */
  timeoutMs: number;
  /** From which address of this node; empty leaves it to the routing table. */
  sourceFor: (address: string) => { localAddress?: string };
  health: Health;
  datagrams: Datagrams;
  /** Waits until one more connection may be begun. */
  pace: (signal: AbortSignal) => Promise<void>;
  /** Everything that is open, so that it can be closed. */
  open: Set<Closable>;
  signal: AbortSignal;
}

type Order = Pick<WireEndpoint, "host" | "transport" | "application" | "security" | "passthrough">;

/** What one conversation came to. */
interface Spoken {
  outcome: ServiceOutcome;
  exchange?: ExchangeName;
  tls?: TlsFacts;
}

/** What may have been an accident is tried again. */
const accidents = new Set(["silent", "reset"]);
const maxTries = 2;
/** A failure that can have been this host's own. */
const doubtful = new Set(["silent", "reset", "unreachable", "local-error"]);

/** `port` is the endpoint's, 0 for icmp. */
export async function attempt(
  order: Order,
  way: Way,
  port: number,
  context: AttemptContext,
): Promise<EndpointAttempt> {
  const startedAt = performance.now();
  let spoken: Spoken;
  let tries = 0;
  do {
    await context.pace(context.signal);
    spoken = await speak(order, way, port, context);
    tries++;
    // A datagram and a ping are sent again as it is.
  } while (order.transport === "tcp" && mayBeAccident(spoken) && tries < maxTries && !context.signal.aborted);
  const outcome = await explain(spoken.outcome, way, startedAt, context);
  const attempts = order.transport === "tcp" ? tries : outcome.attempts;
  return asAttempt({ ...spoken, outcome: { ...outcome, attempts } }, way, port);
}

/** An attempt that the node's policy, or what it lacks, forbids. */
export function notAttempted(
  way: Pick<Way, "route" | "address">,
  port: number,
  fault: Pick<EndpointAttempt, "kind" | "phase"> & { code: string; detail: string },
): EndpointAttempt {
  const { kind, phase, code, detail } = fault;
  return asAttempt({ outcome: { kind, phase, code, detail, elapsedMs: 0, attempts: 1 } }, way, port);
}

function mayBeAccident({ outcome }: Spoken): boolean {
  return accidents.has(outcome.kind);
}

async function speak(order: Order, way: Way, port: number, context: AttemptContext): Promise<Spoken> {
  if (order.transport === "icmp")
    return { outcome: await ping(way.address, context.timeoutMs, context.signal) };
  const chosen = endpointExchange({ ...order, transport: order.transport }, port);
  if (chosen === undefined) return { outcome: withoutProtocol(order) };
  const { exchange, tls } = chosen;
  if (order.transport === "udp") {
    const source = context.sourceFor(way.address);
    const outcome = await runDatagram(
      exchanges[exchange].datagram!(),
      { ...way, port },
      { ...context, source },
    );
    return { outcome, exchange };
  }
  const first = await converse(order, way, port, exchange, tls !== false, context);
  const speaksNoTls = first.outcome.phase === "tls" && isNoTls(first.outcome);
  if (tls !== "maybe" || !speaksNoTls || context.signal.aborted) return first;
  await context.pace(context.signal);
  return converse(order, way, port, exchange, false, context);
}

/** Nothing that knows TLS was there: not even an alert came. */
function isNoTls({ kind }: ServiceOutcome): boolean {
  return kind === "wrong-answer" || kind === "reset" || kind === "silent";
}

function withoutProtocol({ application }: Order): ServiceOutcome {
  const detail = printable(`no exchange is known for ${application} over UDP, and silence says nothing`);
  return { kind: "local-error", phase: "answer", code: "EPROTONOSUPPORT", detail, elapsedMs: 0, attempts: 1 };
}

async function converse(
  order: Order,
  way: Way,
  port: number,
  exchange: ExchangeName,
  tlsFirst: boolean,
  context: AttemptContext,
): Promise<Spoken> {
  const { stream, alpn = [] } = exchanges[exchange];
  const target = { address: way.address, port: way.proxy?.port ?? port };
  const isNamed = familyOf(order.host) === undefined;
  const place: Place = {
    address: way.address,
    port,
    authority: authorityOf(order.host, port, tlsFirst),
    mustSecure: order.security === "tls" || order.security === "mtls",
  };
  let facts: TlsFacts | undefined;
  const tls: TlsOptions = {
    alpn,
    ...(isNamed ? { serverName: order.host } : {}),
    secureContext: context.trust.context,
    onSecured: (secured) => {
      facts = context.trust.factsOf(secured);
    },
  };
  const dialling = { ...context, source: context.sourceFor(way.address) };
  const tunnel = (): { tunnel?: Tunnel } =>
    way.proxy === undefined ? {} : { tunnel: way.proxy.tunnelTo(port) };
  const outcome = await runStream({ talk: stream!(place), tlsFirst, tls, ...tunnel() }, target, dialling);
  const spoken: Spoken = { outcome, exchange, ...(facts === undefined ? {} : { tls: facts }) };
  const isUnseen = facts === undefined && asksForCertificate(outcome);
  const mustIdentify = order.passthrough || order.security === "mtls" || isUnseen;
  if (!mustIdentify || !tlsFirst || context.signal.aborted) return spoken;
  if (facts === undefined && outcome.phase !== "tls") return spoken;
  await context.pace(context.signal);
  const look = await lookForRequest(target, tls, tunnel().tunnel, dialling);
  const requested = asksForCertificate(outcome) ? true : look.requested;
  const asked = requested === undefined ? {} : { requestsCertificate: requested };
  if (facts !== undefined) return { ...spoken, tls: { ...facts, ...asked } };
  // Up to TLS 1.2 a server that insists on a certificate ends the handshake before it is whole. It has answered.
  const shown = context.trust.factsOfChain(look.certificates, "TLSv1.2", tls.serverName);
  if (look.requested !== true || !look.wasRefused || shown === undefined) return spoken;
  const { code: _code, ...rest } = outcome;
  const answered = { ...rest, kind: "open" as const, detail: "asks for a client certificate" };
  return { ...spoken, outcome: answered, tls: { ...shown, ...asked } };
}

/** As a client of HTTP writes it into Host: the usual port goes without saying (RFC 9110 section 7.2). */
function authorityOf(host: string, port: number, isSecure: boolean): string {
  const withPort = formatEndpoint(host, port);
  return port === (isSecure ? 443 : 80) ? withPort.slice(0, withPort.lastIndexOf(":")) : withPort;
}

/** What this host did itself is not laid at the door of the network. */
async function explain(
  outcome: ServiceOutcome,
  way: Way,
  startedAt: number,
  { health, signal }: AttemptContext,
): Promise<ServiceOutcome> {
  if (!doubtful.has(outcome.kind) || signal.aborted) return outcome;
  const code = mayBeLocal(outcome) ? await localRouteFault(way.address) : undefined;
  const local = code === undefined ? outcome : { ...outcome, kind: "local-error" as const, code };
  return withOwnFault(local, health, startedAt, performance.now());
}

function asAttempt(
  { outcome, exchange, tls }: Spoken,
  { route, address, proxy }: Pick<Way, "route" | "address" | "proxy">,
  port: number,
): EndpointAttempt {
  const { phase, elapsedMs, rttMs, attempts, code, status, proxyError, clock, unfit } = outcome;
  const kind = outcome.kind === "open" && unfit !== undefined ? "wrong-answer" : outcome.kind;
  const isProxy = proxy !== undefined && phase === "connect" && kind !== "open";
  const about = isProxy ? [`this is the proxy, ${formatEndpoint(proxy.host, proxy.port)}`] : [];
  const detail = printable(
    [...about, unfit ?? outcome.detail ?? ""].filter((text) => text !== "").join("; "),
  );
  return {
    route,
    address: printable(address),
    port,
    kind,
    phase,
    elapsedMs: rounded(elapsedMs),
    ...(rttMs === undefined ? {} : { rttMs: rounded(rttMs) }),
    attempts,
    ...(code === undefined ? {} : { code: printable(code) }),
    ...(detail === "" ? {} : { detail }),
    ...(exchange === undefined ? {} : { exchange }),
    ...(tls === undefined ? {} : { tls }),
    ...(status === undefined ? {} : { status }),
    ...(proxyError === undefined ? {} : { proxyError }),
    ...(clock === undefined ? {} : { clock }),
  };
}

/** To a microsecond; no clock went back, whatever the arithmetic of floating point says. */
function rounded(ms: number): number {
  return Math.max(0, Math.round(ms * 1_000) / 1_000);
}
