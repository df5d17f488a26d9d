/** Kinds that are judged by paths and endpoints: access, service, proxy. */
import t from "tap";
import type { Reason, Verdict } from "../../../shared/names.ts";
import { endpointRowOf, flowOf, nodesOf, requirementOf } from "../../helpers/domain-fixtures.ts";
import { endpointOf, pathOf } from "../../helpers/report-fixtures.ts";
import { findingsOf, linesOf, planOf } from "../../helpers/requirement-fixtures.ts";

const pair = nodesOf(["peer"], ["peer"]);

t.test("access is shown by the paths of its flows, node by node", async (t) => {
  const situation = {
    requirement: requirementOf("admitted", "access", { flows: ["gossip"] }),
    flows: [flowOf("gossip"), flowOf("other", { ports: 9_001 })],
    nodes: pair,
  };
  const there = pathOf({ flow: "gossip" });
  const back = pathOf({ flow: "gossip", from: "n2", to: "n1" });
  const blocked = { verdict: "fail", reason: "dropped" } as const;
  t.strictSame(linesOf({ ...situation, paths: [there, back] }), [
    "n1 pass met: 1 of 1 paths open",
    "n2 pass met: 1 of 1 paths open",
  ]);
  t.strictSame(
    linesOf({ ...situation, paths: [{ ...there, ...blocked }, back, pathOf({ flow: "other", ...blocked })] }),
    ["n1 pass met: 1 of 1 paths open", "n2 fail unmet: 1 of 1 paths not open: gossip from n1 (dropped)"],
  );
  t.strictSame(
    linesOf({ ...situation, paths: [{ ...there, verdict: "unknown", reason: "agent-missing" }] }),
    ["n2 unknown never-probed: 1 of 1 paths not known: gossip from n1 (agent-missing)"],
  );
  t.equal(linesOf(situation), "nothing was probed of the flow gossip");
  t.equal(
    linesOf({ requirement: requirementOf("login", "access"), nodes: pair }),
    "the document names no port for it, so there is nothing to probe",
  );
});

t.test("all flows are those that end at the nodes, or that run between them", async (t) => {
  const paths = [
    pathOf({ flow: "gossip" }),
    pathOf({ flow: "web", from: "n3", verdict: "fail", reason: "rejected" }),
    pathOf({ flow: "spare", level: "optional", verdict: "fail", reason: "rejected" }),
    pathOf({ flow: "shut", expected: "closed", verdict: "fail", reason: "exposed" }),
  ];
  const situation = {
    roles: { peer: {}, users: { place: "outside" as const } },
    flows: [flowOf("gossip")],
    nodes: [...pair, ...nodesOf([], [], ["users"]).slice(2)],
    paths,
  };
  const of = (toward?: string[]) =>
    linesOf({
      ...situation,
      requirement: requirementOf("all", "access", {
        flows: "all",
        ...(toward === undefined ? {} : { toward }),
      }),
    });
  t.strictSame(of(), ["n2 fail unmet: 1 of 2 paths not open: web from n3 (rejected)"]);
  t.strictSame(of(["peer"]), ["n2 pass met: 1 of 1 paths open"]);
});

t.test("of many parts that are not as they should be the first are named", async (t) => {
  const paths = ["a", "b", "c", "d"].map((flow) => pathOf({ flow, verdict: "fail", reason: "dropped" }));
  const requirement = requirementOf("all", "access", { flows: "all" });
  t.strictSame(linesOf({ requirement, nodes: pair, paths }), [
    "n2 fail unmet: 4 of 4 paths not open: a from n1 (dropped), b from n1 (dropped), c from n1 (dropped), …",
  ]);
});

const mail = {
  requirement: requirementOf("mail", "service", { key: "smtp", supplied: ["relay"] }),
  options: { relay: { description: "Mail relay", type: "host" as const } },
  nodes: pair,
};

t.test("a service is looked for on the ports that are registered for it, or on the user's", async (t) => {
  const plan = planOf({ ...mail, choices: { relay: ["mail.example.com", "10.9.9.9:2525"] } });
  t.match(
    plan.endpoints.map(({ from, section, row, host, ports, anyOf, application, supplied }) => ({
      from,
      section,
      row,
      host,
      ports,
      anyOf,
      application,
      supplied,
    })),
    [0, 1].flatMap((from) => [
      {
        from,
        section: "requirements",
        row: "mail",
        host: "mail.example.com",
        ports: [
          [25, 25],
          [465, 465],
          [587, 587],
        ],
        anyOf: true,
        application: "smtp",
        supplied: true,
      },
      { from, host: "10.9.9.9", ports: [[2_525, 2_525]], anyOf: false },
    ]),
  );
  t.equal(plan.endpoints.length, 4);
});

t.test("a service stands as its endpoints do", async (t) => {
  const of = (verdict: Verdict, reason: Reason) =>
    linesOf({
      ...mail,
      choices: { relay: "mail.example.com" },
      seen: [
        endpointOf({
          section: "requirements",
          row: "mail",
          host: "mail.example.com",
          ports: "25,587",
          verdict,
          reason,
        }),
        endpointOf({ section: "endpoints", row: "mail", verdict: "fail", reason: "dropped" }),
      ],
    });
  t.strictSame(of("pass", "served"), ["n1 pass met: 1 of 1 hosts reached"]);
  t.strictSame(of("fail", "dropped"), [
    "n1 fail unmet: 1 of 1 hosts not reached: mail.example.com port 25 or 587 (dropped)",
  ]);
  t.match(of("unknown", "agent-missing"), [/^n1 unknown never-probed/]);
  t.equal(linesOf(mail), "the cluster file does not name the host: set the option relay");
});

const hosts = {
  endpoints: [
    endpointRowOf("updates", { proxies: ["http"] }),
    endpointRowOf("metrics", { proxies: ["socks5"] }),
  ],
  nodes: nodesOf(["peer"]),
};

t.test("a proxy that is needed must be named, and what is behind it must be reached", async (t) => {
  const situation = {
    ...hosts,
    requirement: requirementOf("proxy", "proxy", { key: "http", endpoints: ["updates"] }),
  };
  const behind = endpointOf({ route: "http" });
  t.strictSame(
    linesOf({
      ...situation,
      routes: ["http"],
      seen: [behind, endpointOf({ row: "metrics", verdict: "fail", reason: "dropped" })],
    }),
    ["n1 pass met: 1 of 1 hosts reached through it"],
  );
  t.strictSame(
    linesOf({
      ...situation,
      routes: ["http"],
      seen: [{ ...behind, verdict: "fail", reason: "proxy-refused" }],
    }),
    ["n1 fail unmet: 1 of 1 hosts not reached through it: updates.example.com port 443 (proxy-refused)"],
  );
  const beside = endpointOf({ route: "direct", verdict: "fail", reason: "dropped" });
  t.strictSame(
    linesOf({ ...situation, routes: ["http"], seen: [behind, beside] }),
    ["n1 pass met: 1 of 1 hosts reached through it"],
    "what goes another way says nothing of the proxy",
  );
  t.strictSame(linesOf({ ...situation, seen: [endpointOf()] }), [
    "cluster fail unmet: the cluster file names no proxy",
  ]);
  t.match(findingsOf({ ...situation, routes: ["socks5"], seen: [endpointOf()] }), [
    { actual: "the cluster file names only socks5", remedy: "set proxies.http" },
  ]);
});

t.test("what a proxy must be able to do is asked only of a proxy that is there", async (t) => {
  const situation = {
    ...hosts,
    requirement: requirementOf("abilities", "proxy", { endpoints: ["updates", "metrics"] }),
  };
  t.equal(linesOf(situation), "the cluster file names no proxy, so that nothing is reached through one");
  t.strictSame(
    linesOf({
      ...situation,
      routes: ["socks5"],
      seen: [
        endpointOf(),
        endpointOf({ row: "metrics", route: "socks5", verdict: "fail", reason: "upgrade-refused" }),
      ],
    }),
    ["n1 fail unmet: 1 of 1 hosts not reached through it: updates.example.com port 443 (upgrade-refused)"],
  );
});

t.test(
  "TLS that must stay unopened is judged by who was seen to open it, not by who was not reached",
  async (t) => {
    const of = (verdict: Verdict, reason: Reason) =>
      linesOf({
        ...hosts,
        requirement: requirementOf("passthrough", "proxy", { key: "passthrough", endpoints: ["updates"] }),
        seen: [endpointOf({ verdict, reason })],
      });
    t.match(of("pass", "served"), [/^n1 pass met/]);
    t.match(of("warn", "expiring"), [/^n1 pass met/]);
    t.match(of("fail", "intercepted"), [/^n1 fail unmet/]);
    t.match(of("fail", "dropped"), [
      /^n1 unknown never-probed: 1 of 1 hosts not known: updates.example.com port 443 \(dropped\)/,
    ]);
  },
);
