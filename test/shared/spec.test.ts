import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import t from "tap";
import { protocolNames } from "../../shared/names.ts";
import { countPorts } from "../../shared/ports.ts";
import { portsOf } from "../../shared/plan-rows.ts";
import { protocolFor } from "../../shared/probe-protocol.ts";
import {
  readShippedSpec,
  readSpecFolder,
  shippedSpecIds,
  shippedSpecsFolder,
} from "../../shared/spec-folder.ts";
import { parseDoc, parseSpec, type ProductSpec } from "../../shared/spec.ts";
import { mistakesOf } from "../helpers/domain-fixtures.ts";

const valid = `id: made-up
title: Made up
version: 1.0.0
source:
  - {id: ports, title: Ports, lines: 100, sha256: "${"0".repeat(64)}", read: "2026-11-21"}
options:
  region: {description: Where, type: choice, values: [us, eu], default: us, doc: "ports:3"}
  gateway: {description: Port, type: port}
roles:
  nodes: {title: Every node, place: in-cluster, everyNode: true, doc: "ports:1"}
  clients: {title: Clients, place: outside, doc: "ports:2"}
flows:
  - name: gossip
    from: [nodes]
    to: [nodes]
    transport: tcp
    ports: [7000, 7001-7003]
    application: gossip
    security: none
    scope: cluster
    phase: both
    level: required
    doc: ports:10-14,20
    description: Nodes talk.
  - name: queries
    from: [clients]
    to: [nodes]
    transport: tcp
    configurable: {option: gateway, recommended: 443}
    application: https
    security: tls
    scope: inbound
    phase: runtime
    level: conditional
    when: {region: [us, eu]}
    doc: ports:30
    description: Clients ask.
endpoints:
  - name: updates
    from: [nodes]
    hosts: [updates.example.com]
    transport: tcp
    anyOf: [443, 8443]
    application: https
    security: tls
    phase: install
    level: optional
    doc: ports:40
    description: Downloads.
requirements:
  - name: clock
    kind: clock
    on: [nodes]
    toward: [clients]
    expected: kept by NTP
    phase: runtime
    level: required
    doc: ports:100
    description: Clocks agree.
`;

/** The valid spec with one thing changed. */
function changed(from: string, to: string): string {
  if (valid.split(from).length !== 2) throw new Error(`${from} is not there exactly once`);
  return valid.replace(from, to);
}

const said = (text: string): string[] => mistakesOf(() => parseSpec(text, "made-up.yaml"));

t.test("a small spec of one's own is valid", async (t) => {
  const spec = parseSpec(valid, "made-up.yaml");
  t.equal(spec.id, "made-up");
  t.strictSame(spec.flows[0]?.ports, [7000, "7001-7003"]);
  t.strictSame(Object.keys(spec.roles), ["nodes", "clients"]);
});

t.test("every rule of a spec has its sentence, with the place of the mistake", async (t) => {
  const cases: [rule: string, from: string, to: string, ...mistakes: string[]][] = [
    [
      "a role of a flow's source exists",
      "from: [nodes]\n    to",
      "from: [nods]\n    to",
      "made-up.yaml:14:12: /flows/0/from/0: unknown role nods; this spec has nodes, clients",
    ],
    [
      "a role of a flow's destination exists",
      "to: [nodes]\n    transport: tcp\n    configurable",
      "to: [nodes, servers]\n    transport: tcp\n    configurable",
      "made-up.yaml:27:17: /flows/1/to/1: unknown role servers; this spec has nodes, clients",
    ],
    [
      "a role of an endpoint exists",
      "from: [nodes]\n    hosts",
      "from: [workers]\n    hosts",
      "made-up.yaml:40:12: /endpoints/0/from/0: unknown role workers; this spec has nodes, clients",
    ],
    [
      "the roles of a requirement exist",
      "on: [nodes]\n    toward: [clients]",
      "on: [workers]\n    toward: [users]",
      "made-up.yaml:53:10: /requirements/0/on/0: unknown role workers; this spec has nodes, clients",
      "made-up.yaml:54:14: /requirements/0/toward/0: unknown role users; this spec has nodes, clients",
    ],
    [
      "a row cites lines that the document has",
      "doc: ports:10-14,20",
      "doc: ports:10-14,101",
      "made-up.yaml:23:10: /flows/0/doc: lines 101-101 are not within the 100 lines of ports",
    ],
    [
      "lines count from one",
      "doc: ports:10-14,20",
      "doc: ports:0-14",
      "made-up.yaml:23:10: /flows/0/doc: lines 0-14 are not within the 100 lines of ports",
    ],
    [
      "lines do not run backwards",
      "doc: ports:10-14,20",
      "doc: ports:14-10",
      "made-up.yaml:23:10: /flows/0/doc: lines 14-10 are not within the 100 lines of ports",
    ],
    [
      "a row cites a document of the spec",
      "doc: ports:40",
      "doc: hosts:40",
      "made-up.yaml:48:10: /endpoints/0/doc: unknown document hosts; source has ports",
    ],
    [
      "a role cites its document too",
      'doc: "ports:2"',
      'doc: "ports:200"',
      "made-up.yaml:11:50: /roles/clients/doc: lines 200-200 are not within the 100 lines of ports",
    ],
    [
      "an option cites its document too",
      'doc: "ports:3"',
      'doc: "hosts:3"',
      "made-up.yaml:7:82: /options/region/doc: unknown document hosts; source has ports",
    ],
    [
      "a citation has lines",
      "doc: ports:10-14,20",
      "doc: ports",
      'made-up.yaml:23:10: /flows/0/doc: must be document:lines, such as ports:10-14 or ports:10,16; found "ports"',
    ],
    [
      "a condition is about an option of the spec",
      "when: {region: [us, eu]}",
      "when: {stage: prod}",
      "made-up.yaml:35:11: /flows/1/when: unknown option stage; this spec has region, gateway",
    ],
    [
      "a name from JavaScript is no option",
      "when: {region: [us, eu]}",
      "when: {constructor: x}",
      "made-up.yaml:35:11: /flows/1/when: unknown option constructor; this spec has region, gateway",
    ],
    [
      "a condition names a value that the option can have",
      "when: {region: [us, eu]}",
      "when: {region: asia}",
      "made-up.yaml:35:11: /flows/1/when: region cannot be asia; it is one of us, eu",
    ],
    [
      "a conditional row has a condition",
      "    when: {region: [us, eu]}\n",
      "",
      "made-up.yaml:34:12: /flows/1/level: level conditional and the field when go together",
    ],
    [
      "a condition makes a row conditional",
      "level: conditional",
      "level: required",
      "made-up.yaml:34:12: /flows/1/level: level conditional and the field when go together",
    ],
    [
      "a row names its ports",
      "    ports: [7000, 7001-7003]\n",
      "",
      "made-up.yaml:13:5: /flows/0: needs exactly one of ports, anyOf and configurable",
    ],
    [
      "a row names its ports in one way",
      "ports: [7000, 7001-7003]",
      "ports: [7000, 7001-7003]\n    anyOf: [1, 2]",
      "made-up.yaml:13:5: /flows/0: needs exactly one of ports, anyOf and configurable",
    ],
    [
      "an endpoint has few ports",
      "anyOf: [443, 8443]",
      "ports: 1-65",
      "made-up.yaml:43:12: /endpoints/0/ports: of a host outside of the cluster 64 ports at most are asked for",
    ],
    [
      "an endpoint has names of hosts",
      "hosts: [updates.example.com]",
      "hosts: [a.example, -b.example]",
      "made-up.yaml:41:24: /endpoints/0/hosts/1: -b.example is no host name",
    ],
    [
      "an endpoint has addresses in one spelling",
      "hosts: [updates.example.com]",
      'addresses: [10.0.0.1, 10.0.0.300, "fd00:0::1"]',
      "made-up.yaml:41:27: /endpoints/0/addresses/1: 10.0.0.300 is no address",
      "made-up.yaml:41:39: /endpoints/0/addresses/2: fd00:0::1 is written fd00::1",
    ],
    [
      "an endpoint names its ports in one way",
      "anyOf: [443, 8443]",
      "anyOf: [443, 8443]\n    configurable: {option: gateway, recommended: 443}",
      "made-up.yaml:39:5: /endpoints/0: needs exactly one of ports, anyOf and configurable",
    ],
    [
      "an alternative is one of several",
      "anyOf: [443, 8443]",
      "anyOf: [443]",
      "made-up.yaml:43:12: /endpoints/0/anyOf: must not have fewer than 2 items; found a list",
    ],
    [
      "a range ends after it begins",
      "7001-7003",
      "7003-7001",
      "made-up.yaml:17:12: /flows/0/ports: the range 7003-7001 ends before it begins",
    ],
    [
      "a range ends at the last port",
      "7001-7003",
      "7001-70003",
      "made-up.yaml:17:12: /flows/0/ports: 7001-70003 is not within 1 to 65535",
    ],
    [
      "a port is a port",
      "ports: [7000, 7001-7003]",
      "ports: https",
      'made-up.yaml:17:12: /flows/0/ports: must be a port from 1 to 65535, a range such as 5701-5710, or a list of these; found "https"',
    ],
    [
      "a configurable port belongs to an option of type port",
      "option: gateway",
      "option: region",
      "made-up.yaml:29:28: /flows/1/configurable/option: region must be an option of type port of this spec",
    ],
    [
      "a supplied host belongs to an option of type host",
      "hosts: [updates.example.com]",
      "supplied: {option: gateway}",
      "made-up.yaml:41:24: /endpoints/0/supplied/option: gateway must be an option of type host of this spec",
    ],
    [
      "a supplied host of a flow does so, too",
      "configurable: {option: gateway, recommended: 443}",
      "ports: 443\n    supplied: {option: gateway}",
      "made-up.yaml:30:24: /flows/1/supplied/option: gateway must be an option of type host of this spec",
    ],
    [
      "a requirement is shown by endpoints and flows that there are",
      "expected: kept by NTP",
      "expected: kept by NTP\n    endpoints: [updates, mirror]\n    flows: [gossip, ntp]",
      "made-up.yaml:56:26: /requirements/0/endpoints/1: mirror is not one of the endpoints of this spec",
      "made-up.yaml:57:21: /requirements/0/flows/1: ntp is not one of the flows of this spec",
    ],
    [
      "a flow leads to endpoints that there are",
      "configurable: {option: gateway, recommended: 443}",
      "ports: 443\n    endpoints: [mirror]",
      "made-up.yaml:30:17: /flows/1/endpoints/0: mirror is not one of the endpoints of this spec",
    ],
    [
      "flows that show something are a list or all of them",
      "expected: kept by NTP",
      "expected: kept by NTP\n    flows: every",
      'made-up.yaml:56:12: /requirements/0/flows: must be a list of names of flows, or all; found "every"',
    ],
    [
      "a requirement names what is looked at by options of type host or url",
      "expected: kept by NTP",
      "expected: kept by NTP\n    supplied: [gateway, mirror]",
      "made-up.yaml:56:16: /requirements/0/supplied/0: gateway must be an option of type host or url of this spec",
      "made-up.yaml:56:25: /requirements/0/supplied/1: mirror must be an option of type host or url of this spec",
    ],
    [
      "the roles behind an endpoint exist",
      "hosts: [updates.example.com]",
      "hosts: [updates.example.com]\n    to: [workers]",
      "made-up.yaml:42:10: /endpoints/0/to/0: unknown role workers; this spec has nodes, clients",
    ],
    [
      "names of flows are unique",
      "name: queries",
      "name: gossip",
      "made-up.yaml:25:11: /flows/1/name: gossip is used twice in flows",
    ],
    [
      "a name is made of lower-case words",
      "name: queries",
      "name: Client_Queries",
      'made-up.yaml:25:11: /flows/1/name: must be lower-case words joined by dashes, such as all-nodes; found "Client_Queries"',
    ],
    [
      "a transport is known",
      "transport: tcp\n    ports",
      "transport: sctp\n    ports",
      'made-up.yaml:16:16: /flows/0/transport: must be one of tcp, udp; found "sctp"',
    ],
    [
      "a security is known",
      "security: none",
      "security: ssl",
      'made-up.yaml:19:15: /flows/0/security: must be one of none, tls, mtls, unstated; found "ssl"',
    ],
    [
      "a misspelt field is named",
      "description: Nodes talk.",
      "descripton: Nodes talk.",
      'made-up.yaml:13:5: /flows/0: missing field "description"',
      'made-up.yaml:24:5: /flows/0/descripton: unknown field "descripton", did you mean "description"?',
    ],
  ];
  for (const [rule, from, to, ...mistakes] of cases) t.strictSame(said(changed(from, to)), mistakes, rule);
});

t.test("a service that the user names says what it speaks, so that its ports are known", async (t) => {
  const text = valid
    .replace(
      "gateway: {description: Port, type: port}",
      "gateway: {description: Port, type: port}\n  relay: {description: Mail, type: host}",
    )
    .replace("kind: clock", "kind: service\n    supplied: [relay]");
  t.strictSame(said(text), [
    "made-up.yaml:52:5: /requirements/0: a service that the user names needs a key: one of smtp, ldap, http, https, ssh, dns, ntp",
  ]);
  t.strictSame(said(text.replace("supplied: [relay]", "supplied: [relay]\n    key: smtp")), []);
});

t.test("names of flows, endpoints and requirements do not get into each other's way", async (t) => {
  t.strictSame(said(changed("name: updates", "name: gossip")), []);
});

t.test("a file with several mistakes is told all of them, in its order", async (t) => {
  const text = valid
    .replace("doc: ports:30", "doc: ports:300")
    .replace("from: [clients]", "from: [users]")
    .replace("kind: clock", "kind: clock\n    when: {region: us}");
  t.strictSame(said(text), [
    "made-up.yaml:26:12: /flows/1/from/0: unknown role users; this spec has nodes, clients",
    "made-up.yaml:36:10: /flows/1/doc: lines 300-300 are not within the 100 lines of ports",
    "made-up.yaml:58:12: /requirements/0/level: level conditional and the field when go together",
  ]);
});

t.test("a citation becomes its document and lines", async (t) => {
  t.strictSame(parseDoc("ports:10-14,20"), {
    document: "ports",
    lines: [
      [10, 14],
      [20, 20],
    ],
  });
});

t.test("a folder of specs is read whole, and its mistakes are told file by file", async (t) => {
  const folder = t.testdir({
    "b.yaml": valid.replace("id: made-up", "id: b"),
    "a.yaml": valid.replace("id: made-up", "id: a"),
    "notes.txt": "no spec",
  });
  t.strictSame(
    readSpecFolder(folder).map(({ id }) => id),
    ["a", "b"],
  );
  const broken = t.testdir({
    "a.yaml": changed("name: queries", "name: gossip"),
    "b.yaml": valid,
    "c.yaml": changed("lines: 100", "lines: 50"),
  });
  t.strictSame(
    mistakesOf(() => readSpecFolder(broken)),
    [
      `${join(broken, "a.yaml")}:25:11: /flows/1/name: gossip is used twice in flows`,
      `${join(broken, "c.yaml")}:58:10: /requirements/0/doc: lines 100-100 are not within the 50 lines of ports`,
    ],
  );
});

t.test("a spec that is not shipped is not looked for elsewhere", async (t) => {
  t.equal(readShippedSpec("no-such-product"), undefined);
  t.equal(readShippedSpec("../package"), undefined);
});

/** Nothing lists the shipped specs: whatever lies in the folder is held to the rules. */
for (const file of readdirSync(shippedSpecsFolder).filter((name) => name.endsWith(".yaml"))) {
  t.test(`the shipped spec ${basename(file, ".yaml")}`, async (t) => {
    const spec = parseSpec(readFileSync(join(shippedSpecsFolder, file), "utf8"), file);
    t.equal(`${spec.id}.yaml`, file, "is named as its file");
    t.ok(shippedSpecIds().includes(spec.id), "can be chosen by its id");
    t.strictSame(unusedRoles(spec), [], "uses every role in some row");
    const values = Object.fromEntries(
      Object.entries(spec.options).map(([name, option]) => [name, option.default]),
    );
    for (const flow of spec.flows) {
      t.ok(protocolNames.includes(protocolFor(flow)), `${flow.name} can be probed`);
      t.ok(countPorts(portsOf(flow, values)) > 0, `${flow.name} has ports`);
    }
    t.ok(spec.flows.length > 0 && spec.requirements.length > 0, "has rows");
  });
}

t.test("the products that Portmesh promises are shipped", async (t) => {
  const promised = ["anypoint-runtime-fabric", "apigee-hybrid", "dynatrace-managed", "thoughtspot"];
  t.strictSame(
    promised.filter((id) => readShippedSpec(id)?.id !== id),
    [],
  );
});

function unusedRoles(spec: ProductSpec): string[] {
  const used = new Set<string>([
    ...spec.flows.flatMap(({ from, to }) => [...from, ...to]),
    ...spec.endpoints.flatMap(({ from }) => from),
    ...spec.requirements.flatMap(({ on, toward }) => [...on, ...(toward ?? [])]),
  ]);
  return Object.keys(spec.roles).filter((role) => !used.has(role));
}
