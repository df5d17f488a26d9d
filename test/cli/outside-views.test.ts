/** Endpoints and requirements in every format of the report. */
import t from "tap";
import { formats, type Format } from "../../cli/views/formats.ts";
import { plain } from "../../cli/terminal.ts";
import type { Report } from "../../shared/report.ts";
import { attemptOf, endpointOf, pathOf, reportOf, requirementOf, tlsOf } from "../helpers/report-fixtures.ts";

const silent = attemptOf({
  kind: "silent",
  phase: "connect",
  elapsedMs: 4_000,
  address: "192.0.2.11",
  status: undefined,
  tls: undefined,
  rttMs: undefined,
} as never);
const refused = attemptOf({
  route: "http",
  address: "10.0.0.8",
  kind: "proxy-refused",
  phase: "proxy",
  code: "407",
  detail: "Proxy Authentication Required, it asks for Basic",
  tls: undefined,
  status: 407,
} as never);

const endpoints = [
  endpointOf(),
  endpointOf({
    from: "n2",
    verdict: "fail",
    reason: "dropped",
    rttMs: null,
    evidence: { agent: "alive", decisive: silent, attempts: [attemptOf(), silent] },
  }),
  endpointOf({
    row: "broker",
    host: "broker.example.com",
    application: "wss",
    route: "http",
    verdict: "fail",
    reason: "proxy-refused",
    rttMs: null,
    evidence: { agent: "alive", decisive: refused, attempts: [refused] },
  }),
  endpointOf({
    row: "mail",
    host: "mail.example.com",
    ports: "25,587",
    anyOf: true,
    application: "smtp",
    level: "optional",
    evidence: {
      agent: "alive",
      decisive: attemptOf({ port: 587, detail: "220 mail.example.com ESMTP", status: undefined } as never),
      attempts: [{ ...silent, port: 25 }, attemptOf({ port: 587 })],
    },
  }),
];
const requirements = [
  requirementOf(),
  requirementOf({
    node: "n2",
    verdict: "fail",
    reason: "unmet",
    actual: "0",
    remedy: "sysctl -w net.ipv4.ip_forward=1",
  }),
  requirementOf({
    name: "bandwidth",
    kind: "bandwidth",
    node: "n1",
    toward: "n2",
    verdict: "warn",
    reason: "low-bandwidth",
    expected: "at least 1 Gbit/s",
    actual: "0.48 Gbit/s",
    from: "a stream of 1 s",
  }),
];
const report: Report = reportOf([pathOf()], {
  endpoints,
  requirements,
  summary: {
    ...reportOf([pathOf()]).summary,
    endpoints: { pass: 2, warn: 0, fail: 2, unknown: 0 },
    requirements: { pass: 1, warn: 1, fail: 1, unknown: 0 },
    verdict: "fail",
  },
});
const render = (format: Format, of: Report = report): string =>
  formats[format](of, { paint: plain, ascii: false });

t.test("the text has a line a row, what is wrong under it, and counts of its own", async (t) => {
  const text = render("text");
  t.equal(
    text.slice(text.indexOf("Endpoints"), text.indexOf("\n\n", text.indexOf("Endpoints"))),
    `Endpoints
×  updates  tcp/443                https        updates.example.com  1/2  1 fail
    × n2 → updates.example.com  dropped  no answer after 4.0 s (192.0.2.11)
×  broker   tcp/443                wss by http  broker.example.com   0/1  1 fail
    × n1 → broker.example.com  proxy-refused  the proxy did not connect (407): Proxy Authentication Required, it asks for Basic (http proxy 10.0.0.8)
●  mail     tcp/25,587 (587 open)  smtp         mail.example.com     1/1`,
  );
  t.match(
    text,
    `Requirements
×  ip-forward  sysctl     1                  1/2  1 fail
    × n2  unmet  expected 1, found 0 (/proc/sys/net/ipv4/ip_forward); next: sysctl -w net.ipv4.ip_forward=1
!  bandwidth   bandwidth  at least 1 Gbit/s  0/1  1 warn
    ! n1 → n2  low-bandwidth  expected at least 1 Gbit/s, found 0.48 Gbit/s (a stream of 1 s)
`,
  );
  t.equal(
    text.slice(text.indexOf("Summary")),
    `Summary  1 pass · 0 fail · 0 warn · 0 unknown   (1 paths, 1236 probes, 9.8 s)
         2 pass · 2 fail · 0 warn · 0 unknown   (4 endpoints)
         1 pass · 1 fail · 1 warn · 0 unknown   (3 requirements)
Next     ask for: allow tcp n2 → updates.example.com ports 443
         for the firewall team: add --report csv=firewall-request.csv
`,
  );
});

t.test("wide shows what passes as well", async (t) => {
  t.match(
    render("wide"),
    /n1 → updates\.example\.com {2}served {2}https answered 403, TLSv1\.3, issued by CN=Example CA 1, 13 ms/,
  );
  t.match(render("wide"), /port 587 is enough, so 25 need not be open/);
  t.match(render("wide"), /● n1 {2}met {2}1 \(\/proc\/sys\/net\/ipv4\/ip_forward\)/);
});

t.test("CSV asks for what is blocked outside, with the addresses that were dialled", async (t) => {
  const rows = render("csv").split("\r\n");
  t.strictSame(rows.slice(1), [
    "allow,n2,10.0.0.2,updates.example.com,192.0.2.10 192.0.2.11,tcp,443,made-up: updates,fail,dropped,no answer after 4.0 s (192.0.2.11),ports:30,2026-11-21T06:00:09.840Z",
    'allow,n1,10.0.0.1,broker.example.com,http proxy 10.0.0.8,tcp,443,made-up: broker,fail,proxy-refused,"the proxy did not connect (407): Proxy Authentication Required, it asks for Basic (http proxy 10.0.0.8)",ports:30,2026-11-21T06:00:09.840Z',
    "",
  ]);
});

t.test("JUnit has a case for each, and counts them", async (t) => {
  const xml = render("junit");
  t.match(xml, /<testsuites name="prod" tests="8" failures="3" errors="0"/);
  t.match(
    xml,
    /<testcase classname="made-up\/endpoints\/broker" name="n1 -&gt; broker\.example\.com tcp\/443"[^>]*>\n +<failure type="proxy-refused"/,
  );
  t.match(
    xml,
    /<testcase classname="made-up\/requirements\/ip-forward" name="n2"[^>]*>\n +<failure type="unmet" message="unmet: expected 1, found 0/,
  );
  t.match(xml, /classname="made-up\/requirements\/bandwidth" name="n1 -&gt; n2" time="0\.000000"\/>/);
});

t.test("Markdown and HTML list them, escaped", async (t) => {
  const hostile = endpointOf({
    verdict: "fail",
    reason: "intercepted",
    evidence: {
      agent: "alive",
      decisive: attemptOf({ tls: tlsOf({ issuers: ["CN=<script>alert(1)</script>|"] }) }),
      attempts: [],
      detail: "issued by <script>alert(1)</script>|",
    },
  });
  const of = reportOf([pathOf()], {
    endpoints: [hostile],
    requirements: [requirementOf({ actual: "<b>|" })],
  });
  t.notMatch(render("html", of), /<script>|<b>\|/);
  t.match(render("html", of), /&lt;script&gt;/);
  const markdown = render("md");
  t.match(markdown, /\| n2 \| updates\.example\.com \| tcp\/443 \| updates \| fail \| dropped \|/);
  t.match(
    markdown,
    /\| n2 \| made-up\/ip-forward \| fail \| unmet \| 1 \| 0 \| sysctl -w net\.ipv4\.ip\\_forward=1 \|/,
  );
  t.match(markdown, /2 pass, 2 fail, 0 warn, 0 unknown of 4 endpoints/);
  t.match(render("md", of), /\\\|/);
});
