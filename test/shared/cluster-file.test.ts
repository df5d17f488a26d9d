import t from "tap";
import { defaultHistory, noSchedule } from "../../shared/calendar-settings.ts";
import { nothingOutside } from "../../shared/outside.ts";
import { parseCluster, type Cluster, type SpecSource } from "../../shared/cluster-file.ts";
import { parseSpec } from "../../shared/spec.ts";
import { flowOf, mistakesOf, specOf, specValue } from "../helpers/domain-fixtures.ts";

const database = specOf({
  id: "database",
  options: {
    region: { description: "Where", type: "choice", values: ["us", "eu"] },
    addons: { description: "What else", type: "choices", values: ["ntp", "smtp"], default: ["ntp"] },
    release: { description: "Which", type: "version", default: "1.9" },
    gateway: { description: "Port", type: "port" },
    proxy: { description: "Host", type: "host" },
    offline: { description: "Without internet", type: "flag", default: false },
  },
  roles: { "all-nodes": { everyNode: true }, controller: {}, clients: { place: "outside" } },
  flows: [flowOf("gossip", { from: ["all-nodes"], to: ["all-nodes"] })],
});
const cache = specOf({ id: "cache", roles: { peer: {} } });

const specSource: SpecSource = {
  shippedIds: () => ["cache", "database"],
  shipped: (id) => (id === "cache" ? cache : database),
  text: () => undefined,
  file: (path) => {
    if (path === "./broken.yaml")
      return parseSpec(JSON.stringify({ ...specValue({ id: "broken" }), title: "" }), "/etc/broken.yaml");
    return path === "./own.yaml" ? specOf({ id: "own", roles: { worker: {} } }) : undefined;
  },
};

const read = (text: string): Cluster => parseCluster(text, "cluster.yaml", specSource);
const said = (text: string): string[] => mistakesOf(() => read(text));

const good = `name: prod
specs:
  - id: database
    options: {region: us}
nodes:
  - {name: n1, address: 10.0.0.1, roles: [controller], zone: a}
  - {name: n2, addresses: [10.0.0.2, "FD00::2"]}
`;

/** The good file with one thing changed. */
function changed(from: string, to: string): string {
  if (good.split(from).length !== 2) throw new Error(`${from} is not there exactly once`);
  return good.replace(from, to);
}

t.test("a good file becomes a cluster with its specs, defaults filled in", async (t) => {
  t.strictSame(read(good), {
    name: "prod",
    nodes: [
      { name: "n1", addresses: ["10.0.0.1"], roles: ["controller"], zone: "a", publicAddress: undefined },
      {
        name: "n2",
        addresses: ["10.0.0.2", "fd00::2"],
        roles: [],
        zone: undefined,
        publicAddress: undefined,
      },
    ],
    specs: [
      {
        spec: database,
        options: {
          region: "us",
          addons: ["ntp"],
          release: "1.9",
          gateway: undefined,
          proxy: undefined,
          offline: false,
        },
      },
    ],
    probing: {
      intervalMs: 30_000,
      timeoutMs: 4_000,
      budgetMs: 60_000,
      outsideMs: 300_000,
      bandwidth: { durationMs: 1_000, maxBytes: 1_000_000_000 },
    },
    thresholds: { rttMs: undefined, lossRatio: undefined, clockMs: 300, expiryMs: 14 * 86_400_000 },
    outside: nothingOutside,
    notify: [],
    schedule: { ...noSchedule, fullSweep: "0 3 * * *" },
    history: defaultHistory,
  });
});

t.test("what the file sets goes before the defaults", async (t) => {
  const cluster = read(
    `${changed("{region: us}", '{region: eu, addons: [], release: "2.0", gateway: 8443, proxy: proxy.example, offline: true}')}probing: {interval: 1m, timeout: 5s, budget: 2m, outside: 10m, bandwidth: {duration: 2s, megabytes: 50}}\nthresholds: {rtt: 5ms, loss: 0.5%, clock: 1s, expiry: 30d}\n`,
  );
  t.strictSame(cluster.specs[0]?.options, {
    region: "eu",
    addons: [],
    release: "2.0",
    gateway: 8443,
    proxy: "proxy.example",
    offline: true,
  });
  t.strictSame(cluster.probing, {
    intervalMs: 60_000,
    timeoutMs: 5_000,
    budgetMs: 120_000,
    outsideMs: 600_000,
    bandwidth: { durationMs: 2_000, maxBytes: 50_000_000 },
  });
  t.strictSame(cluster.thresholds, {
    rttMs: 5,
    lossRatio: 0.005,
    clockMs: 1_000,
    expiryMs: 30 * 86_400_000,
  });
});

t.test("everything that a file may say is accepted together", async (t) => {
  const more =
    "thresholds: {rtt: 5ms, loss: 1%}\nproxies: {http: http://proxy:3128, socks5: socks5://proxy:1080}\nresolve: {a.example: 10.9.9.9}\n";
  t.strictSame(said(good + more), []);
});

t.test("several specs give their roles together, one's own by its file", async (t) => {
  const cluster = read(
    "name: x\nspecs: [{id: cache}, {file: ./own.yaml}]\nnodes: [{name: n1, address: 10.0.0.1, roles: [peer, worker]}]\n",
  );
  t.strictSame(
    cluster.specs.map(({ spec }) => spec.id),
    ["cache", "own"],
  );
});

t.test("every kind of mistake has its sentence, with the place of the mistake", async (t) => {
  const cases: [mistake: string, text: string, ...mistakes: string[]][] = [
    ["no name", changed("name: prod\n", ""), 'cluster.yaml:1:1: missing field "name"'],
    [
      "no nodes",
      good.slice(0, good.indexOf("  - {name: n1")).replace("nodes:", "nodes: []"),
      "cluster.yaml:5:8: /nodes: must not have fewer than 1 items; found a list",
    ],
    [
      "a misspelt field",
      changed("roles: [controller]", "role: [controller]"),
      'cluster.yaml:6:35: /nodes/0/role: unknown field "role", did you mean "roles"?',
    ],
    [
      "a name that no certificate could carry",
      changed("name: n1", "name: Node_1"),
      'cluster.yaml:6:12: /nodes/0/name: must be lower-case letters, digits and dashes, at most 63; found "Node_1"',
    ],
    [
      "two nodes of one name",
      changed("name: n2", "name: n1"),
      "cluster.yaml:7:12: /nodes/1/name: another node is called n1 too",
    ],
    [
      "a node without an address",
      changed("address: 10.0.0.1, ", ""),
      "cluster.yaml:6:5: /nodes/0: needs either address or addresses",
    ],
    [
      "a node with its address in two ways",
      changed("address: 10.0.0.1", "address: 10.0.0.1, addresses: [10.0.0.3]"),
      "cluster.yaml:6:5: /nodes/0: needs either address or addresses",
    ],
    [
      "a name in place of an address",
      changed("10.0.0.1", "n1.example"),
      'cluster.yaml:6:25: /nodes/0/address: must be an IPv4 or IPv6 address; found "n1.example"',
    ],
    [
      "an address with a zone id",
      changed('"FD00::2"', "fe80::2%eth0"),
      'cluster.yaml:7:38: /nodes/1/addresses/1: must be an IPv4 or IPv6 address; found "fe80::2%eth0"',
    ],
    [
      "one address twice",
      changed("10.0.0.2", "10.0.0.1"),
      "cluster.yaml:7:28: /nodes/1/addresses/0: 10.0.0.1 is already the address of n1",
    ],
    [
      "one address twice, in another spelling",
      changed('"FD00::2"', '"::FFFF:10.0.0.1"'),
      "cluster.yaml:7:38: /nodes/1/addresses/1: ::FFFF:10.0.0.1 is already the address of n1",
    ],
    [
      "one address twice at one node",
      changed("10.0.0.2", "fd00:0::2"),
      "cluster.yaml:7:39: /nodes/1/addresses/1: FD00::2 is already the address of n2",
    ],
    [
      "a misspelt role",
      changed("roles: [controller]", "roles: [controler]"),
      "cluster.yaml:6:43: /nodes/0/roles/0: unknown role controler; did you mean controller?",
    ],
    [
      "a role that no chosen spec has",
      changed("roles: [controller]", "roles: [controller, storage]"),
      "cluster.yaml:6:55: /nodes/0/roles/1: unknown role storage; the chosen specs have all-nodes, controller, clients",
    ],
    [
      "a spec that is not shipped",
      changed("id: database\n    options: {region: us}", "id: databse"),
      "cluster.yaml:3:9: /specs/0/id: no spec databse is shipped; there are cache, database (or use file: for your own)",
    ],
    [
      "a spec file that is not there",
      changed("id: database\n    options: {region: us}", "file: ./missing.yaml"),
      "cluster.yaml:3:11: /specs/0/file: cannot read the spec ./missing.yaml",
    ],
    [
      "a spec file with a mistake",
      changed("id: database\n    options: {region: us}", "file: ./broken.yaml"),
      '/etc/broken.yaml:1:24: /title: must not have fewer than 1 characters; found ""',
    ],
    [
      "a spec without id and file",
      changed("id: database\n    options", "options"),
      "cluster.yaml:3:5: /specs/0: must be a map with id (a shipped spec) or file (a path), and maybe options; found a map",
    ],
    [
      "one spec twice",
      changed("nodes:", "  - {id: database, options: {region: eu}}\nnodes:"),
      "cluster.yaml:5:5: /specs/1: the spec database is chosen twice",
    ],
    [
      "a choice that is not made",
      changed("    options: {region: us}\n", ""),
      "cluster.yaml:3:5: /specs/0: the option region of database must be chosen: us, eu",
    ],
    [
      "an option that the spec does not have",
      changed("{region: us}", "{region: us, stage: prod}"),
      "cluster.yaml:4:27: /specs/0/options/stage: database has no option stage; it has region, addons, release, gateway, proxy, offline",
    ],
    [
      "an option with a name from JavaScript",
      changed("{region: us}", "{region: us, constructor: 1}"),
      "cluster.yaml:4:27: /specs/0/options/constructor: database has no option constructor; it has region, addons, release, gateway, proxy, offline",
    ],
    [
      "a choice that there is not",
      changed("{region: us}", "{region: asia}"),
      "cluster.yaml:3:5: /specs/0: the option region of database must be chosen: us, eu",
      "cluster.yaml:4:23: /specs/0/options/region: region must be one of us, eu; found asia",
    ],
    [
      "a version that YAML reads as a number",
      changed("{region: us}", "{region: us, release: 1.170}"),
      'cluster.yaml:4:36: /specs/0/options/release: release must be a version such as "1.166" (in quotes); found 1.17',
    ],
    [
      "a list for an option of one value",
      changed("{region: us}", "{region: us, release: [1.9]}"),
      "cluster.yaml:4:36: /specs/0/options/release: release takes one value, not a list",
    ],
    [
      "a port that is none",
      changed("{region: us}", "{region: us, gateway: 70000}"),
      "cluster.yaml:4:36: /specs/0/options/gateway: gateway must be a port from 1 to 65535; found 70000",
    ],
    [
      "a flag that is a text",
      changed("{region: us}", "{region: us, offline: yes}"),
      "cluster.yaml:4:36: /specs/0/options/offline: offline must be true or false; found yes",
    ],
    [
      "a duration without a unit",
      `${good}probing: {timeout: 4}\n`,
      "cluster.yaml:8:20: /probing/timeout: must be a duration with its unit, such as 500ms, 30s or 2m; found 4",
    ],
    [
      "a timeout in which one lost packet looks like a block",
      `${good}probing: {timeout: 1s}\n`,
      "cluster.yaml:8:20: /probing/timeout: must be at least 3200 ms: one lost packet is sent again only after a second or three",
    ],
    [
      "an interval that ends before its probes",
      `${good}probing: {interval: 4s}\n`,
      "cluster.yaml:8:21: /probing/interval: the interval must be longer than the timeout",
    ],
    [
      "a timeout that outlasts the interval",
      `${good}probing: {timeout: 30s}\n`,
      "cluster.yaml:8:20: /probing/timeout: the interval must be longer than the timeout",
    ],
    [
      "a stream without any time",
      `${good}probing: {bandwidth: {duration: 0s}}\n`,
      "cluster.yaml:8:33: /probing/bandwidth/duration: must be from 100 ms to 24 s",
    ],
    [
      "a stream that agents would cut off",
      `${good}probing: {bandwidth: {duration: 40s}}\n`,
      "cluster.yaml:8:33: /probing/bandwidth/duration: must be from 100 ms to 24 s",
    ],
    [
      "a threshold that is no percentage",
      `${good}thresholds: {loss: 0.01}\n`,
      "cluster.yaml:8:20: /thresholds/loss: must be a percentage such as 1%; found 0.01",
    ],
  ];
  for (const [mistake, text, ...mistakes] of cases) t.strictSame(said(text), mistakes, mistake);
});

t.test("nothing is said about roles while a spec is missing, because they might be its own", async (t) => {
  t.strictSame(
    said(
      "name: x\nspecs: [{id: cache}, {id: other}]\nnodes: [{name: n1, address: 10.0.0.1, roles: [theirs]}]\n",
    ),
    [
      "cluster.yaml:2:27: /specs/1/id: no spec other is shipped; there are cache, database (or use file: for your own)",
    ],
  );
});

t.test("one run names every mistake of the file, in its order", async (t) => {
  const text = `name: prod
probing: {timeout: 1s}
nodes:
  - {name: n1, address: 10.0.0.1, roles: [controler]}
  - {name: n1, address: n2.example}
  - {name: n3, address: "::ffff:a00:1", roles: [storage]}
  - {name: n4}
specs:
  - id: database
    options:
      region: asia
      stage: prod
  - {id: cache, options: {size: 1}}
  - {id: cache}
`;
  t.strictSame(said(text), [
    "cluster.yaml:2:20: /probing/timeout: must be at least 3200 ms: one lost packet is sent again only after a second or three",
    "cluster.yaml:4:43: /nodes/0/roles/0: unknown role controler; did you mean controller?",
    "cluster.yaml:5:12: /nodes/1/name: another node is called n1 too",
    'cluster.yaml:5:25: /nodes/1/address: must be an IPv4 or IPv6 address; found "n2.example"',
    "cluster.yaml:6:25: /nodes/2/address: ::ffff:a00:1 is already the address of n1",
    "cluster.yaml:6:49: /nodes/2/roles/0: unknown role storage; the chosen specs have all-nodes, controller, clients, peer",
    "cluster.yaml:7:5: /nodes/3: needs either address or addresses",
    "cluster.yaml:9:5: /specs/0: the option region of database must be chosen: us, eu",
    "cluster.yaml:11:15: /specs/0/options/region: region must be one of us, eu; found asia",
    "cluster.yaml:12:7: /specs/0/options/stage: database has no option stage; it has region, addons, release, gateway, proxy, offline",
    "cluster.yaml:13:27: /specs/1/options/size: cache has no option size; it has none",
    "cluster.yaml:14:5: /specs/2: the spec cache is chosen twice",
  ]);
});

t.test("mistakes of form are told before those of meaning", async (t) => {
  t.strictSame(said(changed("name: prod", "name: 5").replace("10.0.0.1", "n1.example")), [
    "cluster.yaml:1:7: /name: must be text; found 5",
  ]);
});
