import t from "tap";
import { Value } from "typebox/value";
import { readNodeFacts, thisHost } from "../../../agent/facts/read-facts.ts";
import { NodeFactsSchema, noFactNeeds } from "../../../shared/node-facts.ts";
import { hostFolders } from "../../helpers/host-folders.ts";

const signal = new AbortController().signal;
const nobody = {
  certificateAt: () => Promise.resolve("nobody looks"),
  download: (url: string) => Promise.resolve({ url, bytes: 0, elapsedMs: 0, route: "direct" }),
};

t.test("what this host tells is as it may travel", async (t) => {
  const needs = {
    sysctls: ["net.ipv4.ip_forward", "net.none.such"],
    modules: ["br_netfilter"],
    certificates: [443],
    downloads: ["http://a.example/", "http://b.example/"],
  };
  const facts = await readNodeFacts(needs, { ...thisHost(process.env), ...nobody }, signal);
  t.ok(Value.Check(NodeFactsSchema, JSON.parse(JSON.stringify(facts))), JSON.stringify(facts));
  t.match(facts, {
    sysctls: { "net.ipv4.ip_forward": /^[01]$/, "net.none.such": null },
    modules: { br_netfilter: String },
    descriptors: { soft: Number, hard: Number, hostUsed: Number, hostMax: Number },
    certificates: [{ port: 443, detail: "nobody looks" }],
    downloads: [{ url: "http://a.example/" }, { url: "http://b.example/" }],
  });
  t.ok(facts.interfaces.some(({ name }) => name === "lo"));
});

t.test("a host that tells nothing is no error", async (t) => {
  const host = {
    ...thisHost({}),
    roots: hostFolders(t, {}),
    run: () => Promise.resolve({ missing: true as const }),
    interfaces: () => ({}),
  };
  t.strictSame(await readNodeFacts(noFactNeeds, { ...host, ...nobody }, signal), {
    sysctls: {},
    modules: {},
    interfaces: [],
    clock: {},
    certificates: [],
    downloads: [],
  });
});

t.test("conntrack and open files, as kernels write them", async (t) => {
  const proc = {
    self: {
      limits:
        "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 unlimited            files     \n",
    },
    sys: {
      net: { netfilter: { nf_conntrack_count: "210000\n", nf_conntrack_max: "262144\n" } },
      fs: { "file-nr": "2944\t0\t9223372036854775807\n" },
    },
  };
  const host = { ...thisHost({}), roots: hostFolders(t, { proc }) };
  t.match(await readNodeFacts(noFactNeeds, { ...host, ...nobody }, signal), {
    conntrack: { count: 210_000, max: 262_144 },
    descriptors: {
      soft: 1_024,
      hard: Number.MAX_SAFE_INTEGER,
      hostUsed: 2_944,
      hostMax: Number.MAX_SAFE_INTEGER,
    },
  });
});

t.test("however many names are asked for, only so many are looked up", async (t) => {
  const names = Array.from({ length: 1_000 }, (_, index) => `net.none.such${index}`);
  const needs = { ...noFactNeeds, sysctls: names, modules: names.map((name) => name.replaceAll(".", "_")) };
  const facts = await readNodeFacts(needs, { ...thisHost(process.env), ...nobody }, signal);
  t.equal(Object.keys(facts.sysctls).length, 64);
  t.equal(Object.keys(facts.modules).length, 64);
});
