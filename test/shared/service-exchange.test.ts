import t from "tap";
import { endpointExchange, exchangeFor } from "../../shared/service-exchange.ts";
import type { Flow } from "../../shared/spec.ts";

type Row = [flow: `${string} ${Flow["security"]}`, port: number, exchange: string, tls: boolean];

const tcp: Row[] = [
  ["http none", 80, "http", false],
  ["http tls", 8080, "http", true],
  ["https unstated", 443, "http", true],
  ["https mtls", 443, "http", true],
  ["grpc unstated", 7575, "http2", false],
  ["grpc mtls", 7575, "http2", true],
  ["websocket tls", 443, "websocket", true],
  ["amqp-over-websocket none", 80, "websocket", false],
  ["wss unstated", 443, "websocket", true],
  ["postgres tls", 5432, "postgres", false],
  ["mysql tls", 3306, "mysql", false],
  ["ssh tls", 22, "ssh", false],
  ["scp none", 22, "ssh", false],
  ["smtp tls", 25, "smtp", false],
  ["smtp unstated", 465, "smtp", true],
  ["smtp tls", 2525, "smtp", true],
  ["ldap tls", 389, "ldap", false],
  ["ldap unstated", 636, "ldap", true],
  ["redis tls", 6379, "redis", true],
  ["memcached unstated", 11211, "memcached", false],
  ["cassandra none", 9042, "cassandra", false],
  ["cassandra none", 7000, "plain", false],
  ["cassandra tls", 7001, "plain", true],
  ["elasticsearch none", 9200, "http", false],
  ["elasticsearch none", 9300, "plain", false],
  ["dns unstated", 53, "dns", false],
  ["ntp none", 123, "plain", false],
  ["hazelcast none", 5701, "plain", false],
  ["lumberjack tls", 5044, "plain", true],
  ["toString none", 1, "plain", false],
];

t.test("over TCP every port of every application has an exchange", async (t) => {
  for (const [flow, port, exchange, tls] of tcp) {
    const [application, security] = flow.split(" ") as [string, Flow["security"]];
    t.strictSame(
      exchangeFor({ transport: "tcp", application, security }, port),
      { exchange, tls },
      `${flow} on ${port}`,
    );
  }
});

t.test("over UDP only what answers strangers has one", async (t) => {
  const over = (application: string): string | undefined =>
    exchangeFor({ transport: "udp", application, security: "tls" }, 53)?.exchange;
  t.equal(over("dns"), "dns");
  t.equal(over("ntp"), "ntp");
  t.equal(over("vxlan"), undefined);
  t.equal(over("https"), undefined, "HTTP/3 is not spoken");
});

t.test("of an endpoint more is asked than of a service whose log has to stay empty", async (t) => {
  const rows: [
    flow: `${string} ${Flow["security"]}`,
    port: number,
    exchange: string,
    tls: boolean | "maybe",
  ][] = [
    ["amqp-over-websocket mtls", 443, "amqp-websocket", true],
    ["amqp-over-websocket none", 80, "amqp-websocket", false],
    ["lumberjack unstated", 5044, "lumberjack", "maybe"],
    ["lumberjack tls", 5044, "lumberjack", true],
    ["lumberjack none", 5044, "lumberjack", false],
    ["smtp unstated", 25, "smtp-starttls", false],
    ["smtp tls", 587, "smtp-starttls", false],
    ["smtp unstated", 465, "smtp-starttls", true],
    ["https unstated", 443, "http", true],
    ["wss tls", 443, "websocket", true],
    ["ldap unstated", 389, "ldap", false],
    ["ldap unstated", 636, "ldap", true],
    ["hazelcast unstated", 5701, "plain", false],
    ["toString none", 1, "plain", false],
  ];
  for (const [flow, port, exchange, tls] of rows) {
    const [application, security] = flow.split(" ") as [string, Flow["security"]];
    const row = { transport: "tcp", application, security } as const;
    t.strictSame(endpointExchange(row, port), { exchange, tls }, `${flow} on ${port}`);
  }
  const over = (application: string): string | undefined =>
    endpointExchange({ transport: "udp", application, security: "none" }, 123)?.exchange;
  t.equal(over("ntp"), "ntp");
  t.equal(over("lumberjack"), undefined);
});
