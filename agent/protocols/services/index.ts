/** The registry of exchanges, and how one is run: a new one is one file and one line here. */
import type { ExchangeName } from "../../../shared/names.ts";
import type { ServiceExchange } from "../../../shared/service-exchange.ts";
import type { ProbeContext, ProbeTarget } from "../protocol.ts";
import { amqpWebsocket } from "./amqp-websocket.ts";
import { cassandra } from "./cassandra.ts";
import { dns } from "./dns.ts";
import type { Exchange, ServiceOutcome } from "./exchange.ts";
import { ftp, smtp } from "./greeting.ts";
import { http } from "./http.ts";
import { http2 } from "./http2.ts";
import { ldap } from "./ldap.ts";
import { lumberjack } from "./lumberjack.ts";
import { memcached } from "./memcached.ts";
import { mysql } from "./mysql.ts";
import { ntp } from "./ntp.ts";
import { plain } from "./plain.ts";
import { postgres } from "./postgres.ts";
import { redis } from "./redis.ts";
import { runDatagram } from "./run-datagram.ts";
import { runStream } from "./run-stream.ts";
import { smtpStarttls } from "./smtp-starttls.ts";
import { ssh } from "./ssh.ts";
import { websocket } from "./websocket.ts";

export const exchanges: Readonly<Record<ExchangeName, Exchange>> = {
  plain,
  http,
  http2,
  websocket,
  postgres,
  mysql,
  ssh,
  smtp,
  ftp,
  redis,
  memcached,
  ldap,
  cassandra,
  dns,
  ntp,
  "amqp-websocket": amqpWebsocket,
  lumberjack,
  "smtp-starttls": smtpStarttls,
};

/** Speaks with the real service of a port. Resolves when the conversation is over and nothing is open any more. */
export async function probeService(
  { exchange: name, tls }: ServiceExchange,
  transport: "tcp" | "udp",
  target: ProbeTarget,
  context: ProbeContext,
): Promise<ServiceOutcome> {
  const { stream, datagram, alpn } = exchanges[name];
  const outcome =
    transport === "tcp" && stream !== undefined
      ? await runStream({ talk: stream(target), tlsFirst: tls, tls: { alpn: alpn ?? [] } }, target, context)
      : transport === "udp" && datagram !== undefined
        ? await runDatagram(datagram(), target, context)
        : undefined;
  if (outcome === undefined) throw new Error(`${name} does not run over ${transport}`);
  return { ...outcome, exchange: name };
}
