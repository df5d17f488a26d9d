import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { renderCoverage } from "../../cli/views/coverage.ts";
import { howChecked } from "../../shared/row-checks.ts";
import { readSpecFolder } from "../../shared/spec-folder.ts";
import { rowSections } from "../../shared/spec.ts";
import { endpointRowOf, flowOf, requirementOf, specOf } from "../helpers/domain-fixtures.ts";
import { root } from "../docs/markdown.ts";

t.test("every row of the shipped specs is checked, or says itself why people have to", async (t) => {
  for (const spec of readSpecFolder()) {
    for (const section of rowSections) {
      for (const row of spec[section]) {
        const name = `${spec.id} ${section}/${row.name}`;
        const check = howChecked(spec, section, row);
        t.ok(check !== undefined && check.text.length > 20, name);
        t.equal(
          "stated" in row,
          check?.how === "stated",
          `${name}: a check that cannot work needs a reason in the spec`,
        );
      }
    }
  }
});

t.test("docs/coverage.md is current; else: npm run coverage", async (t) => {
  t.equal(readFileSync(join(root, "docs/coverage.md"), "utf8"), renderCoverage(readSpecFolder()));
});

const spec = specOf({
  roles: { peer: {}, users: { place: "outside" }, internet: { place: "outside" } },
  options: { time: { description: "Servers", type: "host" }, web: { description: "Port", type: "port" } },
});

t.test("a flow says between whom it is probed, and what only an agent outside shows", async (t) => {
  const cases: [Parameters<typeof flowOf>[1], string][] = [
    [{}, "from peer to peer"],
    [{ from: ["users"] }, "from users to peer; only with an agent that stands outside as users"],
    [
      { from: ["peer", "users"] },
      "from peer and users to peer; from users only with an agent that stands outside as users",
    ],
    [
      { to: ["internet"], supplied: { option: "time" } },
      "from peer to the hosts of the option time; or to an agent that stands outside as internet",
    ],
    [
      { to: ["internet"], endpoints: ["a", "b"] },
      "from peer to the endpoints a and b; or to an agent that stands outside as internet",
    ],
    [
      { to: ["internet"], endpoints: ["a", "b", "c", "d"] },
      "from peer to its 4 endpoints; or to an agent that stands outside as internet",
    ],
    [{ scope: "localhost" }, "from each node to itself; every other node must find it shut"],
    [{ anyOf: [25, 587] }, "from peer to peer; one of 25, 587 is enough"],
    [
      { configurable: { option: "web", recommended: 443 } },
      "from peer to peer; on the port of the option web, else 443",
    ],
    [{ ports: 443, redirectTo: 8_022 }, "from peer to peer; an answer of port 8022 counts"],
    [{ closed: { after: "install" } }, "from peer to peer; must be shut at runtime"],
    [{ closed: { from: "outside" } }, "from peer to peer; an agent outside must find it shut"],
  ];
  for (const [parts, text] of cases)
    t.strictSame(howChecked(spec, "flows", flowOf("a", parts)), { how: "probed", text });
});

t.test("an endpoint says whose hosts are visited, how, and what is looked at", async (t) => {
  const cases: [Parameters<typeof endpointRowOf>[1], string][] = [
    [{}, "from peer to every address that its names have; its certificate is judged"],
    [
      { addresses: ["192.0.2.1"], security: "unstated", application: "lumberjack" },
      "from peer to the addresses that are printed",
    ],
    [
      { supplied: { option: "time" }, to: ["peer"], anyOf: [25, 587], security: "none", application: "smtp" },
      "from peer to the hosts of the option time; one of 25, 587 is enough; at runtime, since the product itself answers there",
    ],
    [
      { proxies: ["http", "socks5"], passthrough: true, issuer: "Amazon" },
      "from peer to every address that its names have; through the http or socks5 proxy, where the cluster file has one; its certificate is judged; it must be issued by Amazon; nobody may open TLS",
    ],
  ];
  for (const [parts, text] of cases)
    t.strictSame(howChecked(spec, "endpoints", endpointRowOf("a", parts)), { how: "probed", text });
});

t.test("a requirement says it as its check does, or why there is none", async (t) => {
  const of = (...args: Parameters<typeof requirementOf>) =>
    howChecked(spec, "requirements", requirementOf(...args));
  t.strictSame(of("a", "topology", { stated: "because" }), { how: "stated", text: "because" });
  t.match(of("a", "topology"), { how: "stated" });
  t.strictSame(of("a", "domain", { supplied: ["time"] }), {
    how: "measured",
    text: "the option time of the cluster file must be a name",
  });
  t.match(of("a", "subnet", { byInstaller: true })?.text, /; at runtime, since the installer sees to it$/);
});
