/** Every row of every shipped spec that leads out of the cluster is met by a stand-in that speaks what the row says. */
import t, { type Test } from "tap";
import type { ReportEndpoint } from "../../shared/report.ts";
import { readSpecFolder } from "../../shared/spec-folder.ts";
import { LabAuthority } from "../helpers/lab-authority.ts";
import { runLabCheck, type LabCheckOptions, type LabCheckResult } from "./check.ts";
import { planOf, type LabCluster } from "./cluster.ts";
import { Lab } from "./lab.ts";
import { startStandIns } from "./outside/stand-ins.ts";

t.setTimeout(110_000);

const named = (name: string): string[] => [`${name}.lab.example`];
const runtimeFabric = (region: string): LabCluster["specs"][number] => ({
  id: "anypoint-runtime-fabric",
  options: { region, "ntp-servers": named("time"), "smtp-server": named("alerts") },
});
const dynatrace = (options: Record<string, unknown>): LabCluster["specs"][number] => ({
  id: "dynatrace-managed",
  options: { "web-ui-domain": named("ui"), ...options },
});
/** Mission Control where the vendor's support names its host. */
const supported = (region: string): Record<string, unknown> => ({
  "mission-control-region": region,
  "mission-control-host": named("mission"),
});
const thoughtSpot = {
  id: "thoughtspot",
  options: { "smtp-relay": named("relay"), "ldap-server": named("directory") },
};
const apigee = {
  id: "apigee-hybrid",
  options: {
    "backend-hosts": named("backend"),
    "apigee-services-hosts": named("services"),
    "uap-hosts": named("uap"),
    "gcp-authorization-hosts": named("oauth"),
    "gcp-analytics-hosts": named("analytics"),
    "stackdriver-metrics-hosts": named("metrics"),
    "stackdriver-logging-hosts": named("logging"),
  },
};
const apigeeRoles = ["message-processor", "synchronizer", "udca", "prometheus", "fluentd", "mart"];
const alone = (...roles: string[]): LabCheckOptions["nodes"] => [{ name: "n1", roles }];
/** With somebody outside, who dials the domains of the product itself. */
const watched = [
  { name: "n1", roles: ["cluster-nodes", "cluster-activegates"] },
  { name: "n2", roles: ["users", "external-sources"] },
];
const stages = [
  { stage: "internal" },
  { stage: "environment-activegate", ...supported("asia-pacific") },
  { stage: "cluster-activegate", "cluster-activegate-domain": named("gate") },
  { stage: "load-balancer-and-proxy", "cluster-activegate-domain": named("gate") },
  { stage: "high-availability", "cluster-activegate-domain": named("gate") },
];

/** `requirements` name hosts, too; a host of a lab does not meet all the others of them. */
const withRequirements = ["bandwidth"];
const endpointsOnly = ["requirements"];
type Case = Pick<LabCheckOptions, "specs" | "nodes"> & { skip: readonly string[] };
const installations: readonly Case[] = [
  {
    specs: [runtimeFabric("us"), dynatrace({}), thoughtSpot, apigee],
    nodes: alone("controller-nodes", "cluster-nodes", ...apigeeRoles),
    skip: withRequirements,
  },
  {
    specs: [runtimeFabric("eu"), dynatrace(supported("europe"))],
    nodes: alone("controller-nodes", "cluster-nodes"),
    skip: endpointsOnly,
  },
];
const running = stages.map((options): Case => ({
  specs: [dynatrace(options)],
  nodes: watched,
  skip: endpointsOnly,
}));

const lab = await Lab.create({
  hosts: [
    { name: "n1", zone: "inside" },
    { name: "n2", zone: "elsewhere" },
    { name: "world", zone: "outside" },
  ],
});
t.teardown(() => lab[Symbol.asyncDispose]());
const authority = await LabAuthority.create("CN=Lab Public CA");
const amazon = await LabAuthority.create("CN=Amazon RSA 2048 M02, O=Amazon");
const standIns = await startStandIns(
  lab,
  "world",
  [
    ...installations.flatMap((cluster) => planOf(lab, cluster, "install").endpoints),
    ...running.flatMap((cluster) => planOf(lab, cluster, "runtime").endpoints),
  ],
  { authority, amazon },
);
t.teardown(() => standIns[Symbol.asyncDispose]());

const met = new Set<string>();

async function check(cluster: Case, phase: "install" | "runtime"): Promise<LabCheckResult> {
  const result = await runLabCheck(lab, {
    ...cluster,
    control: "n1",
    outside: { resolve: standIns.resolve, trust: ["public.pem", "amazon.pem"] },
    files: { "public.pem": authority.certificatePem, "amazon.pem": amazon.certificatePem },
    args: ["--phase", phase],
  });
  for (const { spec, row } of result.report.endpoints) met.add(`${spec} ${row}`);
  return result;
}

const declared = { protocol: "TLSv1.3", trust: "declared" };
/** What every attempt at a row of an application must have been, on both families and on all alternatives. */
const spoken: Readonly<Record<string, object>> = {
  https: { exchange: "http", status: 204, tls: declared },
  wss: { exchange: "websocket", status: 101, tls: declared },
  lumberjack: { exchange: "lumberjack", tls: declared },
  smtp: { exchange: "smtp-starttls", detail: /220 mail\.example ESMTP/, tls: declared },
  ldap: { exchange: "ldap", detail: /LDAP/ },
  ntp: { exchange: "ntp", detail: "NTP, stratum 5", clock: { stratum: 5 } },
  tcp: { exchange: "plain" },
};
const mutualRows = /^(message-broker|configuration-resolver)-/;
/** nginx tells so those who have no certificate to show. */
const mutual = { status: 400, tls: { ...declared, requestsCertificate: true } };

function wanted({ application, row, section }: ReportEndpoint): object {
  if (mutualRows.test(row))
    return { ...mutual, exchange: application === "https" ? "http" : "amqp-websocket" };
  return section === "requirements" && application === "https"
    ? {}
    : (spoken[application] ?? { exchange: "" });
}

function areServed(t: Test, { report }: LabCheckResult): void {
  t.not(report.endpoints.length, 0);
  for (const endpoint of report.endpoints) {
    const { row, host, evidence } = endpoint;
    const good = { kind: "open", ...wanted(endpoint) };
    t.match(endpoint, { verdict: "pass", reason: "served", evidence: { decisive: good } }, `${row} ${host}`);
    t.match(
      evidence.attempts,
      [...evidence.attempts.keys()].map(() => good),
    );
    const families = new Set(evidence.attempts.map(({ address }) => address.includes(":")));
    t.equal(families.size, evidence.resolution === undefined ? 1 : 2);
  }
}

for (const cluster of installations) {
  const names = cluster.specs.map((spec) => ("id" in spec ? spec.id : "")).join(", ");
  t.test(`before the installation of ${names} all it needs outside answers`, async (t) => {
    const result = await check(cluster, "install");
    areServed(t, result);
    if (cluster.skip === endpointsOnly) t.equal(result.exitCode, 0);
  });
}

for (const [index, { stage, ...options }] of stages.entries()) {
  t.test(`Dynatrace Managed that runs in the stage ${stage}`, async (t) => {
    const result = await check(running[index]!, "runtime");
    areServed(t, result);
    const rows = new Set(result.report.endpoints.map(({ from, row }) => `${from} ${row}`));
    t.ok(rows.has("n2 web-ui-domain"));
    t.equal(rows.has("n2 cluster-activegate-domain"), "cluster-activegate-domain" in options);
  });
}

t.test("no row that names a host, or has the user name it, was left out", (t) => {
  const rows = readSpecFolder().flatMap(({ id, endpoints, flows }) =>
    [...endpoints, ...flows.filter(({ supplied }) => supplied !== undefined)].map(
      ({ name }) => `${id} ${name}`,
    ),
  );
  t.strictSame(
    rows.filter((row) => !met.has(row)),
    [],
  );
  t.end();
});
