import t from "tap";
import type { TlsFacts } from "../../../shared/endpoint-report.ts";
import { endpointRowOf, flowOf, nodesOf, requirementOf } from "../../helpers/domain-fixtures.ts";
import { attemptOf, endpointOf, tlsOf } from "../../helpers/report-fixtures.ts";
import { factsOf, linesOf, now, planOf, type Situation } from "../../helpers/requirement-fixtures.ts";
import { factNeedsOf } from "../../../shared/requirements/index.ts";

const day = 86_400_000;

/** What n1 was shown at an endpoint. */
function atEndpoint(
  key: string | undefined,
  tls: Partial<TlsFacts>,
  parts: Partial<Situation["requirement"]> = {},
) {
  return linesOf({
    requirement: requirementOf("shown", "certificate", {
      endpoints: ["updates"],
      ...(key === undefined ? {} : { key }),
      ...parts,
    }),
    endpoints: [endpointRowOf("updates")],
    nodes: nodesOf(["peer"]),
    seen: [
      endpointOf({ evidence: { agent: "alive", attempts: [], decisive: attemptOf({ tls: tlsOf(tls) }) } }),
    ],
  });
}

/** What the services of the nodes show on their own ports. */
function onNodes(
  key: string | undefined,
  shown: (Partial<TlsFacts> | string | undefined)[],
  choices = {},
  parts = {},
) {
  const nodes = nodesOf(...shown.map(() => ["peer"]));
  return linesOf({
    requirement: requirementOf("shown", "certificate", {
      flows: ["web"],
      supplied: ["domain"],
      ...(key === undefined ? {} : { key }),
      ...parts,
    }),
    options: { domain: { description: "Name", type: "host" } },
    flows: [flowOf("web", { ports: 443, redirectTo: 8_022 })],
    nodes,
    choices,
    told: Object.fromEntries(
      nodes.map(({ name }, index) => {
        const each = shown[index];
        const found = typeof each === "string" ? { detail: each } : { tls: tlsOf(each) };
        return [name, factsOf({ certificates: each === undefined ? [] : [{ port: 8_022, ...found }] })];
      }),
    ),
  });
}

t.test("validity is an authority, dates and the name that was dialled", async (t) => {
  const cases: [Partial<TlsFacts>, RegExp][] = [
    [{}, /^n1 pass met: issued by CN=Example CA 1, valid until 2027-06-01/],
    [{ trust: "declared" }, /^n1 pass met/],
    [
      { trust: "none", code: "SELF_SIGNED_CERT_IN_CHAIN" },
      /^n1 fail unmet: .*which no trusted authority stands for/,
    ],
    [{ trust: "none", selfSigned: true }, /^n1 fail unmet: issued by itself/],
    [{ trust: "inspection" }, /^n1 fail unmet: .*who opens TLS on the way/],
    [
      { code: "ERR_TLS_CERT_ALTNAME_INVALID", names: ["b.example"] },
      /^n1 fail unmet: for b.example, not for updates/,
    ],
    [{ code: "CERT_REVOKED" }, /^n1 fail unmet: not accepted: CERT_REVOKED/],
    [{ code: "CERT_NOT_YET_VALID" }, /^n1 fail unmet: not valid yet/],
    [{ notAfter: now.getTime() }, /^n1 fail unmet: valid until 2026-11-21T06:00:00/],
    [{ notAfter: now.getTime() + 13 * day }, /^n1 warn expiring: valid until/],
    [{ notAfter: now.getTime() + 15 * day }, /^n1 pass met/],
  ];
  for (const [tls, line] of cases) t.match(atEndpoint("validity", tls), [line], JSON.stringify(tls));
});

t.test("on a node's own port the name is one that the user chose", async (t) => {
  const wild = { names: ["*.example.com", "DNS:Other.example"], code: "ERR_TLS_CERT_ALTNAME_INVALID" };
  const of = (domain: string | string[]) => onNodes("validity", [wild], { domain });
  t.match(of("a.example.com"), [/^n1 pass met/]);
  t.match(of("other.example"), [/^n1 pass met/]);
  t.match(of(["x.invalid", "a.example.com"]), [/^n1 pass met/], "one of several is enough");
  t.match(of("a.b.example.com"), [/^n1 fail unmet: for \*\.example\.com, .*not for a\.b\.example\.com/]);
  t.match(of("example.com"), [/^n1 fail unmet/]);
  t.match(onNodes("validity", [wild]), [/^n1 pass met: .*for which name it has to be is not known/]);
});

t.test("an issuer is expected by a part of its name, or as the certificate itself", async (t) => {
  const expected = { issuer: "example ROOT" };
  t.match(atEndpoint("issuer", {}, expected), [/^n1 pass met: issued by CN=Example CA 1/]);
  t.match(atEndpoint("issuer", {}, { issuer: "Amazon" }), [/^n1 fail unmet/]);
  t.match(atEndpoint("issuer", { trust: "inspection" }, expected), [/^n1 fail unmet/]);
  t.match(
    atEndpoint("issuer", { trust: "none" }, expected),
    [/^n1 fail unmet: issued by CN=Example CA 1, which no trusted authority stands for/],
    "anybody can write that name into a certificate",
  );
  const own = { issuer: "self-signed" };
  t.match(atEndpoint("issuer", { selfSigned: true, trust: "none" }, own), [/^n1 pass met: issued by itself/]);
  t.match(atEndpoint("issuer", {}, own), [/^n1 fail unmet/]);
});

t.test("where nothing is said of it, any certificate will do", async (t) => {
  t.match(onNodes(undefined, [{ trust: "none", selfSigned: true, notAfter: 0 }]), [
    /^n1 pass met: issued by itself/,
  ]);
});

t.test("the same certificate on all nodes has one key, one subject and one end", async (t) => {
  const one = { key: "sha256/one" };
  t.match(onNodes("fingerprint", [one, one]), [/^n1 pass met: sha256\/one/, /^n2 pass met/]);
  t.match(onNodes("fingerprint", [one, { key: "sha256/two" }]), [
    /^n1 fail unmet: sha256\/one; there are 2 different certificates/,
    /^n2 fail unmet/,
  ]);
  t.match(onNodes("fingerprint", [one, { ...one, notAfter: 1 }]), [/fail/, /fail/], "one was renewed");
  t.match(onNodes("fingerprint", [one, undefined]), [/^n1 pass met/, /^n2 unknown never-probed/]);
});

t.test("what was not seen is unknown, with the reason", async (t) => {
  t.strictSame(onNodes("validity", ["wrong version number"]), [
    "n1 unknown never-probed: no certificate was seen: wrong version number",
  ]);
  t.strictSame(onNodes("validity", [undefined]), [
    "n1 unknown never-probed: no certificate was seen: no service was seen there",
  ]);
  const dropped = { ...attemptOf(), tls: undefined } as never;
  t.strictSame(
    linesOf({
      requirement: requirementOf("shown", "certificate", { endpoints: ["updates"] }),
      endpoints: [endpointRowOf("updates")],
      nodes: nodesOf(["peer"]),
      seen: [
        endpointOf({
          verdict: "fail",
          reason: "dropped",
          evidence: { agent: "alive", attempts: [], decisive: dropped },
        }),
      ],
    }),
    ["n1 unknown never-probed: no certificate was seen: dropped"],
  );
});

t.test("before the installation no service shows one, but endpoints do", async (t) => {
  const situation: Situation = {
    requirement: requirementOf("shown", "certificate", { flows: ["web"] }),
    flows: [flowOf("web")],
    nodes: nodesOf(["peer"], ["peer"]),
    phase: "install",
  };
  t.equal(
    linesOf(situation),
    "before the installation no service shows a certificate: check it with --phase runtime",
  );
  const both = {
    ...situation,
    requirement: requirementOf("shown", "certificate", { flows: ["web"], endpoints: ["updates"] }),
    endpoints: [endpointRowOf("updates")],
    told: { n1: factsOf({ certificates: [{ port: 9_000, tls: tlsOf() }] }) },
    seen: [endpointOf()],
  };
  t.equal(linesOf(both).length, 1, "the endpoint alone");
  t.equal(linesOf({ ...both, phase: "runtime" }).length, 2);
});

t.test("agents look at the ports where services really listen, of the nodes that have them", async (t) => {
  const plan = planOf({
    requirement: requirementOf("shown", "certificate", {
      on: ["peer", "client"],
      flows: ["web", "gossip", "eu"],
    }),
    roles: { peer: {}, client: {} },
    options: { region: { description: "Where", type: "choice", values: ["us", "eu"], default: "us" } },
    flows: [
      flowOf("web", { ports: 443, redirectTo: 8_022, from: ["client"] }),
      flowOf("gossip", { ports: [7_000, 7_001] }),
      flowOf("eu", { ports: 1_000, level: "conditional", when: { region: "eu" } }),
    ],
    nodes: nodesOf(["peer"], ["client"]),
  });
  const [planned] = plan.requirements;
  t.strictSame(factNeedsOf(planned!).certificates, [8_022, 7_000, 7_001]);
  t.strictSame([...new Set(planned?.services.map(({ node }) => node))], [0]);
  const ofClients = planOf({
    requirement: requirementOf("shown", "certificate", { on: ["client"], flows: ["web"] }),
    roles: { peer: {}, client: {} },
    flows: [flowOf("web", { ports: 443, from: ["peer"], to: ["peer", "client"] })],
    nodes: nodesOf(["peer"], ["client"]),
  });
  t.strictSame(ofClients.requirements[0]?.services, [{ node: 1, ports: [[443, 443]] }], "of no other nodes");
});

t.test("where nothing that shows it is part of the check, it is left to people", async (t) => {
  t.equal(
    linesOf({ requirement: requirementOf("shown", "certificate"), nodes: nodesOf(["peer"]) }),
    "the document does not say where it is shown",
  );
  t.equal(
    linesOf({
      requirement: requirementOf("shown", "certificate", { flows: ["web"] }),
      roles: { peer: {}, other: {} },
      flows: [flowOf("web", { to: ["other"] })],
      nodes: nodesOf(["peer"]),
    }),
    "nothing that would show the certificate is part of this check",
  );
});
