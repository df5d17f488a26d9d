/**
 * Which exchange a flow's real service understands, once a product runs and holds its own ports; and which one
 * shows an endpoint, of which nobody of ours knows more than the document says.
 */
import type { ExchangeName } from "./names.ts";
import type { Flow } from "./spec.ts";

/** How to speak with the service on one port. */
export interface ServiceExchange {
  exchange: ExchangeName;
  /** Whether TLS comes first; what negotiates TLS by its own means (PostgreSQL) does not count. */
  tls: boolean;
}

interface Application {
  exchange: ExchangeName;
  /** The only ports on which it speaks this; its others are of an inner protocol that garbage would upset. */
  only?: readonly number[];
  /** Whether TLS comes first, where that does not depend on what the document says of security. */
  tls?: boolean | ((port: number) => boolean | undefined);
  udp?: true;
}

const websocket: Application = { exchange: "websocket" };
const ssh: Application = { exchange: "ssh", tls: false };

/** On its usual ports an old protocol begins in the clear, or with TLS; elsewhere the document decides. */
function usual(plain: readonly number[], secured: readonly number[]): (port: number) => boolean | undefined {
  return (port) => (secured.includes(port) ? true : plain.includes(port) ? false : undefined);
}

/** Everything else is connected to and left again. */
const applications: Readonly<Record<string, Application>> = {
  http: { exchange: "http" },
  https: { exchange: "http", tls: true },
  grpc: { exchange: "http2" },
  websocket,
  ws: websocket,
  wss: { exchange: "websocket", tls: true },
  "amqp-over-websocket": websocket,
  postgres: { exchange: "postgres", tls: false },
  mysql: { exchange: "mysql", tls: false },
  ssh,
  scp: ssh,
  sftp: ssh,
  smtp: { exchange: "smtp", tls: usual([25, 587], [465]) },
  ftp: { exchange: "ftp", tls: usual([21], [990]) },
  ldap: { exchange: "ldap", tls: usual([389, 3268], [636, 3269]) },
  redis: { exchange: "redis" },
  memcached: { exchange: "memcached" },
  // 7000 and 7001 are for the nodes among themselves, as is 9300 of Elasticsearch.
  cassandra: { exchange: "cassandra", only: [9042, 9142] },
  elasticsearch: { exchange: "http", only: [9200] },
  dns: { exchange: "dns", udp: true },
  ntp: { exchange: "ntp", udp: true },
};

/**
 * The exchange for one port of a flow. Undefined over UDP where no protocol is known: a service need not
 * answer anything else, so there is nothing better than the probe for our own listeners.
 */
export function exchangeFor(
  { transport, application, security }: Pick<Flow, "transport" | "application" | "security">,
  port: number,
): ServiceExchange | undefined {
  const found = Object.hasOwn(applications, application) ? applications[application] : undefined;
  if (transport === "udp") return found?.udp === true ? { exchange: found.exchange, tls: false } : undefined;
  const isSecured = security === "tls" || security === "mtls";
  const isKnown = found !== undefined && found.exchange !== "ntp" && found.only?.includes(port) !== false;
  if (!isKnown) return { exchange: "plain", tls: isSecured };
  const { exchange, tls } = found;
  return { exchange, tls: (typeof tls === "function" ? tls(port) : tls) ?? isSecured };
}

/** How to speak with one port of an endpoint. */
export interface EndpointExchange {
  exchange: ExchangeName;
  /** Whether TLS comes first; `maybe` where the document does not say and the protocol runs with and without. */
  tls: boolean | "maybe";
}

/** At an endpoint more can be asked for than at a service whose log has to stay empty. */
const endpointApplications: Readonly<
  Record<string, { exchange: ExchangeName; tls?: (port: number) => boolean | undefined; eitherWay?: true }>
> = {
  "amqp-over-websocket": { exchange: "amqp-websocket" },
  lumberjack: { exchange: "lumberjack", eitherWay: true },
  smtp: { exchange: "smtp-starttls", tls: usual([25, 587], [465]) },
};

/**
 * The exchange for one port of an endpoint. Undefined over UDP where no protocol is known, since the silence of
 * what one does not speak says nothing.
 */
export function endpointExchange(
  row: Pick<Flow, "transport" | "application" | "security">,
  port: number,
): EndpointExchange | undefined {
  const { transport, application, security } = row;
  const own =
    transport === "tcp" && Object.hasOwn(endpointApplications, application)
      ? endpointApplications[application]
      : undefined;
  if (own === undefined) return exchangeFor(row, port);
  const undecided = own.eitherWay === true && security === "unstated" ? "maybe" : undefined;
  const isSecured = security === "tls" || security === "mtls";
  return { exchange: own.exchange, tls: own.tls?.(port) ?? undecided ?? isSecured };
}
