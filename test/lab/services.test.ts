/** Real services hold their own ports: they are asked in their own protocols, and their logs stay clean. */
import t from "tap";
import { runLabCheck, type LabCheckOptions, type LabCheckResult } from "./check.ts";
import { expectFindings } from "./expect.ts";
import { Lab } from "./lab.ts";
import { Services } from "./services.ts";
import { labSpec } from "./spec.ts";

t.setTimeout(300_000);

const spec = labSpec({
  roles: { probers: "in-cluster", targets: "in-cluster" },
  flows: [
    { name: "web", transport: "tcp", ports: "8080", application: "http" },
    { name: "socket", transport: "tcp", ports: "8081", application: "websocket" },
    { name: "secured", transport: "tcp", ports: "8443", application: "https", security: "tls" },
    { name: "mutual", transport: "tcp", ports: "8444", application: "https", security: "mtls" },
    { name: "database", transport: "tcp", ports: "5432", application: "postgres" },
    { name: "secured-database", transport: "tcp", ports: "5433", application: "postgres", security: "tls" },
    { name: "names", transport: "udp", ports: "53", application: "dns" },
    { name: "names-over-tcp", transport: "tcp", ports: "53", application: "dns" },
    { name: "agent", transport: "tcp", ports: "9999" },
  ],
});
const nodes = [
  { name: "n2", roles: ["targets"], families: ["v4", "v6"] as const },
  { name: "n1", roles: ["probers"], families: ["v4", "v6"] as const },
];
const options: LabCheckOptions = { specs: [{ spec }], nodes, control: "n1" };

async function withServices(check: (lab: Lab, services: Services) => Promise<void>): Promise<void> {
  await using lab = await Lab.create({ hosts: ["n1", "n2"].map((name) => ({ name, zone: "a" })) });
  await using services = await Services.start(lab.host("n2"));
  await check(lab, services);
}

/** What the services say of themselves, and of connections that end as they should. */
const expectedLines = {
  // Its own rule for clients without a certificate; and a client that does not use a connection again.
  nginx: /client sent no required SSL certificate while reading client request|closed keepalive connection$/,
  postgres:
    / (DEBUG|LOG): {2}(connection received|forked new backend|server process .* exited with exit code 0|.*checkpoint|.*autovacuum)/,
};

const reasonsOf = ({ report }: LabCheckResult): Record<string, string> =>
  Object.fromEntries(report.paths.map(({ flow, reason }) => [flow, reason]));

t.test("every service answers in its own protocol, and none has anything to complain of", async (t) => {
  await withServices(async (lab, services) => {
    const started = {
      nginx: services.log("nginx").length,
      postgres: services.log("postgres").length,
      "postgres-tls": services.log("postgres-tls").length,
      dnsmasq: services.log("dnsmasq").length,
    };
    const result = await runLabCheck(lab, options);
    const { report, exitCode } = result;
    expectFindings(t, report, []);
    t.equal(exitCode, 0);
    t.match(reasonsOf(result), { web: "served", agent: "reachable" });
    const seen = report.paths
      .filter(({ flow }) => flow !== "agent")
      .map(({ flow, reason, evidence: { source, target } }) => ({
        flow,
        reason,
        exchange: source.exchange,
        detail: source.detail,
        owner: target.owner?.replace(/[0-9]+/, "N"),
      }));
    const nginx = { reason: "served", owner: "nginx (pid N)" };
    const postgres = { reason: "served", exchange: "postgres", owner: "postgres (pid N)" };
    const dnsmasq = { reason: "served", exchange: "dns", detail: "DNS NXDOMAIN", owner: "dnsmasq (pid N)" };
    t.match(seen, [
      { flow: "web", ...nginx, exchange: "http", detail: "HTTP/1.1 204 No Content" },
      { flow: "socket", ...nginx, exchange: "websocket", detail: "HTTP/1.1 204 No Content" },
      {
        flow: "secured",
        ...nginx,
        exchange: "http",
        detail: /^TLSv1\.3, .*product\.example; HTTP\/1\.1 204/,
      },
      { flow: "mutual", ...nginx, exchange: "http", detail: /HTTP\/1\.1 400 Bad Request/ },
      { flow: "database", ...postgres, detail: "PostgreSQL, without TLS" },
      { flow: "secured-database", ...postgres, detail: /^TLSv1\.3, .*; PostgreSQL, with TLS/ },
      { flow: "names", ...dnsmasq },
      { flow: "names-over-tcp", ...dnsmasq },
    ]);

    // At these levels the services tell of every connection that does not end as it should.
    t.equal(services.log("access").length, 2 * 4, "nginx was asked once on each port over each family");
    const unexpected = (name: "nginx" | "postgres" | "postgres-tls", lines: RegExp): string[] =>
      services
        .log(name)
        .slice(started[name])
        .filter((line) => !lines.test(line));
    t.strictSame(unexpected("nginx", expectedLines.nginx), []);
    t.strictSame(unexpected("postgres", expectedLines.postgres), []);
    t.strictSame(unexpected("postgres-tls", expectedLines.postgres), []);
    for (const name of ["postgres", "postgres-tls"] as const) {
      const received = services.log(name).slice(started[name]);
      t.equal(received.filter((line) => line.includes("connection received")).length, 2, `${name} was asked`);
    }
    const queries = services.log("dnsmasq").slice(started.dnsmasq);
    t.equal(
      queries.filter((line) => line.includes("query[NS] . from")).length,
      4,
      "two families, two transports",
    );
    t.equal(queries.filter((line) => line.includes("config . is NXDOMAIN")).length, 4);
    t.equal(queries.length, 8, "and nothing else");
  });
});

t.test(
  "a firewall before a service is a firewall, and one that cuts its protocol is told apart",
  async (t) => {
    await withServices(async (lab) => {
      const between = { at: "router", hook: "forward", from: "n1", to: "n2" } as const;
      await lab.fault({ ...between, transport: "tcp", ports: "8080", action: "drop" });
      await lab.fault({ ...between, transport: "tcp", ports: "8443", action: "reject-reset" });
      await lab.fault({ ...between, transport: "udp", ports: "53", action: "drop" });
      // A middlebox that lets TCP connect, and cuts or swallows the first words.
      const middlebox = await lab.rules(
        "router",
        `chain forward { type filter hook forward priority 0; policy accept;
 tcp dport 5432 tcp flags & psh == psh counter reject with tcp reset
 tcp dport { 8081, 5433 } tcp flags & psh == psh counter drop
}`,
      );
      const result = await runLabCheck(lab, options);
      t.equal(result.exitCode, 3);
      expectFindings(t, result.report, [
        "n1>n2 web dropped",
        "n1>n2 secured rejected",
        "n1>n2 names silent-service",
        "n1>n2 database app-filtered",
        "n1>n2 socket app-filtered",
        "n1>n2 secured-database app-filtered",
      ]);
      t.ok((await middlebox.packets()) > 0);
    });
  },
);

t.test("a service that went away since its agent saw it is closed, and not a firewall", async (t) => {
  await withServices(async (lab, services) => {
    const result = await runLabCheck(lab, { ...options, beforeLast: () => services.stopNginx() });
    t.equal(result.exitCode, 3);
    expectFindings(
      t,
      result.report,
      ["web", "socket", "secured", "mutual"].map((flow) => `n1>n2 ${flow} closed`),
    );
  });
});
