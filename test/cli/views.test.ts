import t from "tap";
import { formats, formatNames, type Format } from "../../cli/views/formats.ts";
import { htmlStyle } from "../../cli/views/html-style.ts";
import { cellsOf, legend, renderMatrix } from "../../cli/views/matrix.ts";
import { glyphsFor, plain, type Paint } from "../../cli/terminal.ts";
import type { Report } from "../../shared/report.ts";
import { nodeOf, pathOf, reportOf } from "../helpers/report-fixtures.ts";

/** A path of each verdict but warn, a range that is blocked in part, and a port that must be closed. */
const report = reportOf(
  [
    pathOf(),
    pathOf({
      from: "n2",
      to: "n1",
      verdict: "fail",
      reason: "dropped",
      rttMs: null,
      evidence: {
        source: {
          outcome: "silent",
          phase: "connect",
          elapsedMs: 4_000,
          attempts: 2,
          port: 9042,
          address: "10.0.0.1",
        },
        target: { agent: "alive", listener: "bound", sawRequest: false, sawConnection: false },
      },
    }),
    pathOf({
      flow: "services",
      from: "n1",
      to: "n3",
      transport: "udp",
      protocol: "udp",
      ports: "30000-32767",
      coverage: "2768/2768",
      verdict: "fail",
      reason: "rejected",
      rttMs: 0.5,
      evidence: {
        source: {
          outcome: "refused",
          phase: "answer",
          elapsedMs: 0.4,
          attempts: 1,
          code: "ECONNREFUSED",
          port: 31_000,
          address: "10.0.0.3",
        },
        target: { agent: "alive", listener: "occupied", owner: 'dns, "named" (pid 53)' },
      },
      intervals: [
        { ports: "30000-30999", verdict: "pass", reason: "reachable" },
        { ports: "31000-31499", verdict: "fail", reason: "rejected" },
        { ports: "31500-32767", verdict: "pass", reason: "reachable" },
      ],
    }),
    pathOf({
      flow: "admin",
      from: "n3",
      to: "n2",
      level: "optional",
      protocol: "tls",
      ports: "8443",
      verdict: "unknown",
      reason: "denied",
      rttMs: null,
      coverage: "1/1",
      evidence: {
        source: {
          outcome: "refused",
          phase: "connect",
          elapsedMs: 0.2,
          attempts: 1,
          code: "ECONNREFUSED",
          port: 8443,
          address: "10.0.0.2",
        },
        target: { agent: "alive", listener: "denied", detail: "EACCES: permission denied" },
      },
    }),
    pathOf({
      flow: "admin",
      from: "n3",
      to: "n1",
      protocol: "tcp",
      ports: "8443",
      expected: "closed",
      verdict: "fail",
      reason: "exposed",
      doc: "ports:22-24",
      evidence: {
        source: {
          outcome: "open",
          phase: "answer",
          elapsedMs: 0.6,
          attempts: 1,
          port: 8443,
          address: "10.0.0.1",
        },
        target: { agent: "alive", listener: "bound" },
      },
    }),
  ],
  {
    nodes: [
      nodeOf("n1", { zone: "a" }),
      nodeOf("n2", { listeners: { bound: 2, occupied: 1, denied: 1, absent: 0 } }),
      nodeOf("n3", { agent: { version: "0.1.0", host: "host-n3", state: "gone" } }),
    ],
    statements: [
      {
        spec: "made-up",
        section: "endpoints",
        row: "updates",
        text: "Downloads.",
        doc: "ports:30",
        why: "endpoints are not probed by this version",
        applies: true,
      },
      {
        spec: "made-up",
        section: "flows",
        row: "old-gossip",
        text: "Gossip.",
        doc: "ports:31",
        why: "applies only where release <2",
        applies: false,
      },
    ],
  },
);

const render = (format: Format, of: Report = report, ascii = false, paint: Paint = plain): string =>
  formats[format](of, { paint, ascii });

t.test("the text shows what is wrong under its flow, the matrix, and what to do next", async (t) => {
  t.equal(
    render("text"),
    `prod: made-up 1.0.0, install phase, 3 nodes

×  cql       tcp/9042         tcp             1/2 paths  1 fail
    × n2 → n1  dropped  no answer after 4.0 s; n1 was listening and saw nothing
×  services  udp/30000-32767  udp             0/1 paths  1 fail
    × n1 → n3 udp/31000-31499  rejected  refused (ECONNREFUSED) after 0.4 ms, although dns, "named" (pid 53) holds the port
?  admin     tcp/8443         tls             0/1 paths  1 unknown
    ? n3 → n2  denied  EACCES: permission denied
×  admin     tcp/8443         must be closed  0/1 paths  1 fail
    × n3 → n1  exposed  open, although it must be closed

        to
  from  n1 n2 n3
  n1    -  ●  ×
  n2    ×  -  ·
  n3    ×  ?  -
  ● pass  × fail  ! warn  ? unknown  · not required

node n2: 1 ports taken by other processes; 1 ports not permitted: run the agent as root, or give it CAP_NET_BIND_SERVICE
node n3: the agent left before the end

Not probed here and to be confirmed otherwise: 1 endpoints (listed in -o json and the html report)
Summary  1 pass · 3 fail · 0 warn · 1 unknown   (5 paths, 1236 probes, 9.8 s)
Next     ask for: allow tcp n2 → n1 ports 9042
         for the firewall team: add --report csv=firewall-request.csv
`,
  );
});

t.test("a terminal without Unicode gets the same text in letters", async (t) => {
  const text = render("text", report, true);
  t.notMatch(text, /[^\n\x20-\x7e]/);
  t.equal(
    text,
    `prod: made-up 1.0.0, install phase, 3 nodes

x  cql       tcp/9042         tcp             1/2 paths  1 fail
    x n2 -> n1  dropped  no answer after 4.0 s; n1 was listening and saw nothing
x  services  udp/30000-32767  udp             0/1 paths  1 fail
    x n1 -> n3 udp/31000-31499  rejected  refused (ECONNREFUSED) after 0.4 ms, although dns, "named" (pid 53) holds the port
?  admin     tcp/8443         tls             0/1 paths  1 unknown
    ? n3 -> n2  denied  EACCES: permission denied
x  admin     tcp/8443         must be closed  0/1 paths  1 fail
    x n3 -> n1  exposed  open, although it must be closed

        to
  from  n1 n2 n3
  n1    -  o  x
  n2    x  -  .
  n3    x  ?  -
  o pass  x fail  ! warn  ? unknown  . not required

node n2: 1 ports taken by other processes; 1 ports not permitted: run the agent as root, or give it CAP_NET_BIND_SERVICE
node n3: the agent left before the end

Not probed here and to be confirmed otherwise: 1 endpoints (listed in -o json and the html report)
Summary  1 pass, 3 fail, 0 warn, 1 unknown   (5 paths, 1236 probes, 9.8 s)
Next     ask for: allow tcp n2 -> n1 ports 9042
         for the firewall team: add --report csv=firewall-request.csv
`,
  );
});

t.test(
  "the text says which node came through which peer; a name from the network is made harmless",
  async (t) => {
    const through = (via: string): Report =>
      reportOf([pathOf()], {
        nodes: [
          nodeOf("n1"),
          nodeOf("n2", { agent: { version: "0.1.0", host: "host-n2", state: "alive", via } }),
        ],
      });
    t.match(
      render("text", through("10.0.0.1:8443")),
      "node n2: joined through n1 (10.0.0.1:8443): it does not reach the coordinator itself\n",
    );
    t.match(render("text", through("[fd00::9]:443")), "joined through [fd00::9]:443: it");
    t.notMatch(render("text", through("\u001b[31mred")), /\u001b/);
  },
);

t.test("the wide text shows the paths that pass as well", async (t) => {
  const added = render("wide")
    .split("\n")
    .filter((line) => !render("text").split("\n").includes(line));
  t.strictSame(added, ["    ● n1 → n2  reachable  n2 proved itself, 0.4 ms"]);
});

t.test("the wide text tells of a NAT on a path that passes", async (t) => {
  const { source, target } = pathOf().evidence;
  const translated = pathOf({ evidence: { source: { ...source, seenAs: "192.0.2.1" }, target } });
  t.match(
    render("wide", reportOf([translated])),
    "● n1 → n2  reachable  n2 proved itself, 0.4 ms; a NAT shows n1 as 192.0.2.1\n",
  );
});

t.test("the wide text shows what was measured", async (t) => {
  const measured = (quality: object): Report => {
    const { source, target } = pathOf().evidence;
    return reportOf([pathOf({ evidence: { source: { ...source, quality }, target } } as object)]);
  };
  const figures = measured({ sent: 40, lost: 1, rttMs: 0.38 });
  t.match(
    render("wide", figures),
    "● n1 → n2  reachable  n2 proved itself, 0.4 ms (1 of 40 round trips lost, 0.4 ms)\n",
  );
  t.notMatch(render("text", figures), "round trips");
  t.match(render("wide", measured({ sent: 10, lost: 10 })), "(10 of 10 round trips lost)\n");
  const unmeasured = measured({ sent: 0, lost: 0, blackHole: { pathMtu: 1_400, lost: "back" } });
  t.notMatch(render("wide", unmeasured), "round trips");
});

t.test("where ranges were sampled one line says what all of it takes, and what decides", async (t) => {
  const whole = reportOf([pathOf({ ports: "30000-32767", coverage: "64/2768" })]);
  const sampled = { ...whole, summary: { ...whole.summary, fullSweepMs: 95_400 } };
  const line =
    "Ranges were sampled: all of their ports take about 1 m 35 s, and probing.budget decides for how long they are probed.";
  const added = (format: Format): string[] => {
    const before = render(format, whole).split("\n");
    return render(format, sampled)
      .split("\n")
      .filter((each) => !before.includes(each));
  };
  for (const format of ["text", "wide", "md"] as const) t.strictSame(added(format), [line], format);
  t.match(render("html", sampled), `<h2>Flows</h2><p>${line}</p><div`);
});

t.test("CSV is a firewall change request: one line a rule", async (t) => {
  const lines = render("csv").split("\r\n");
  t.strictSame(lines, [
    "action,source,source_address,destination,destination_address,protocol,ports,why,verdict,reason,evidence,document,time",
    "allow,n2,10.0.0.2,n1,10.0.0.1,tcp,9042,made-up: cql,fail,dropped,no answer after 4.0 s; n1 was listening and saw nothing,ports:10,2026-11-21T06:00:09.840Z",
    'allow,n1,10.0.0.1,n3,10.0.0.3,udp,31000-31499,made-up: services,fail,rejected,"refused (ECONNREFUSED) after 0.4 ms, although dns, ""named"" (pid 53) holds the port",ports:10,2026-11-21T06:00:09.840Z',
    "clarify,n3,10.0.0.3,n2,10.0.0.2,tcp,8443,made-up: admin,unknown,denied,EACCES: permission denied,ports:10,2026-11-21T06:00:09.840Z",
    'block,n3,10.0.0.3,n1,10.0.0.1,tcp,8443,made-up: admin,fail,exposed,"open, although it must be closed",ports:22-24,2026-11-21T06:00:09.840Z',
    "",
  ]);
});

t.test("JUnit has a suite a flow, a case a path, and an error for what is unknown", async (t) => {
  t.equal(
    render("junit"),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="prod" tests="5" failures="3" errors="1" time="9.840">
  <testsuite name="made-up/cql" tests="2" failures="1" errors="0" timestamp="2026-11-21T06:00:00">
    <testcase classname="made-up/cql" name="n1 -&gt; n2 tcp/9042" time="0.000412"/>
    <testcase classname="made-up/cql" name="n2 -&gt; n1 tcp/9042" time="0.000000">
      <failure type="dropped" message="dropped: no answer after 4.0 s; n1 was listening and saw nothing">no answer after 4.0 s; n1 was listening and saw nothing
ask for: allow tcp n2 → n1 ports 9042
document: ports:10</failure>
    </testcase>
  </testsuite>
  <testsuite name="made-up/services" tests="1" failures="1" errors="0" timestamp="2026-11-21T06:00:00">
    <testcase classname="made-up/services" name="n1 -&gt; n3 udp/30000-32767" time="0.000500">
      <failure type="rejected" message="rejected: refused (ECONNREFUSED) after 0.4 ms, although dns, &quot;named&quot; (pid 53) holds the port">refused (ECONNREFUSED) after 0.4 ms, although dns, &quot;named&quot; (pid 53) holds the port
ask for: allow udp n1 → n3 ports 31000-31499
document: ports:10
30000-30999: pass reachable
31000-31499: fail rejected
31500-32767: pass reachable</failure>
    </testcase>
  </testsuite>
  <testsuite name="made-up/admin" tests="2" failures="1" errors="1" timestamp="2026-11-21T06:00:00">
    <testcase classname="made-up/admin" name="n3 -&gt; n2 tcp/8443" time="0.000000">
      <error type="denied" message="denied: EACCES: permission denied">EACCES: permission denied
run the agent on n2 as root or with CAP_NET_BIND_SERVICE
document: ports:10</error>
    </testcase>
    <testcase classname="made-up/admin" name="n3 -&gt; n1 tcp/8443 closed" time="0.000412">
      <failure type="exposed" message="exposed: open, although it must be closed">open, although it must be closed
ask for: block tcp n3 → n1 ports 8443
document: ports:22-24</failure>
    </testcase>
  </testsuite>
</testsuites>
`,
  );
});

t.test("Markdown can be pasted into a ticket", async (t) => {
  t.equal(
    render("md"),
    `# Portmesh report: prod

made-up 1.0.0, install phase, finished 2026-11-21T06:00:09.840Z

**fail**: 1 pass, 3 fail, 0 warn, 1 unknown of 5 paths (1236 probes)

| from | to | ports | flow | verdict | reason | what was seen | next |
|---|---|---|---|---|---|---|---|
| n2 | n1 | tcp/9042 | cql | fail | dropped | no answer after 4.0 s; n1 was listening and saw nothing | ask for: allow tcp n2 → n1 ports 9042 |
| n1 | n3 | udp/31000-31499 | services | fail | rejected | refused (ECONNREFUSED) after 0.4 ms, although dns, "named" (pid 53) holds the port | ask for: allow udp n1 → n3 ports 31000-31499 |
| n3 | n2 | tcp/8443 | admin | unknown | denied | EACCES: permission denied | run the agent on n2 as root or with CAP\\_NET\\_BIND\\_SERVICE |
| n3 | n1 | tcp/8443 | admin | fail | exposed | open, although it must be closed | ask for: block tcp n3 → n1 ports 8443 |

## Not probed, to be confirmed otherwise

| row | what | why not probed | document |
|---|---|---|---|
| made-up/updates | Downloads. | endpoints are not probed by this version | ports:30 |
`,
  );
});

t.test("HTML is one page with everything on it", async (t) => {
  t.equal(
    render("html"),
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Portmesh report: prod</title>
<style>${htmlStyle}</style>
</head>
<body>
<h1>Portmesh report: prod</h1>
<p class="verdict fail">× fail</p>
<p>made-up 1.0.0 · install phase ·
3 nodes · 1236 probes · finished 2026-11-21T06:00:09.840Z</p>
<ul class="counts"><li class="pass"><b>1</b> pass</li><li class="fail"><b>3</b> fail</li><li class="warn"><b>0</b> warn</li><li class="unknown"><b>1</b> unknown</li></ul>
<h2>Matrix</h2>
<div class="scroll"><table class="matrix"><caption>from (rows) to (columns): the worst verdict of all flows</caption>
<thead><tr><td></td><th scope="col"><span>n1</span></th><th scope="col"><span>n2</span></th><th scope="col"><span>n3</span></th></tr></thead><tbody><tr><th scope="row">n1</th><td class="none">-</td><td class="pass" title="n1 to n2: pass">●</td><td class="fail" title="n1 to n3: fail">×</td></tr>
<tr><th scope="row">n2</th><td class="fail" title="n2 to n1: fail">×</td><td class="none">-</td><td class="none">·</td></tr>
<tr><th scope="row">n3</th><td class="fail" title="n3 to n1: fail">×</td><td class="unknown" title="n3 to n2: unknown">?</td><td class="none">-</td></tr></tbody></table></div>
<h2>Findings</h2><div class="scroll"><table><thead><tr><th scope="col"></th><th scope="col">from</th><th scope="col">to</th><th scope="col">ports</th><th scope="col">flow</th><th scope="col">reason</th><th scope="col">what was seen</th><th scope="col">next</th><th scope="col">document</th></tr></thead><tbody>
<tr><td><span class="fail">× fail</span></td><td>n2</td><td>n1</td><td>tcp/9042</td><td>cql</td><td>dropped</td><td>no answer after 4.0 s; n1 was listening and saw nothing</td><td>ask for: allow tcp n2 → n1 ports 9042</td><td>ports:10</td></tr>
<tr><td><span class="fail">× fail</span></td><td>n1</td><td>n3</td><td>udp/31000-31499</td><td>services</td><td>rejected</td><td>refused (ECONNREFUSED) after 0.4 ms, although dns, &quot;named&quot; (pid 53) holds the port</td><td>ask for: allow udp n1 → n3 ports 31000-31499</td><td>ports:10</td></tr>
<tr><td><span class="fail">× fail</span></td><td>n3</td><td>n1</td><td>tcp/8443</td><td>admin</td><td>exposed</td><td>open, although it must be closed</td><td>ask for: block tcp n3 → n1 ports 8443</td><td>ports:22-24</td></tr>
<tr><td><span class="unknown">? unknown</span></td><td>n3</td><td>n2</td><td>tcp/8443</td><td>admin</td><td>denied</td><td>EACCES: permission denied</td><td>run the agent on n2 as root or with CAP_NET_BIND_SERVICE</td><td>ports:10</td></tr>
</tbody></table></div>
<h2>Flows</h2><div class="scroll"><table><thead><tr><th scope="col">flow</th><th scope="col">ports</th><th scope="col">probed as</th><th scope="col">paths passing</th><th scope="col">ports covered</th><th scope="col">document</th></tr></thead><tbody>
<tr><td>made-up/cql</td><td>tcp/9042</td><td>tcp</td><td>1/2</td><td>1/1</td><td>ports:10</td></tr>
<tr><td>made-up/services</td><td>udp/30000-32767</td><td>udp</td><td>0/1</td><td>2768/2768</td><td>ports:10</td></tr>
<tr><td>made-up/admin</td><td>tcp/8443</td><td>tls</td><td>0/1</td><td>1/1</td><td>ports:10</td></tr>
<tr><td>made-up/admin</td><td>tcp/8443</td><td>must be closed</td><td>0/1</td><td>1/1</td><td>ports:22-24</td></tr>
</tbody></table></div>
<h2>Nodes</h2><div class="scroll"><table><thead><tr><th scope="col">node</th><th scope="col">addresses</th><th scope="col">roles</th><th scope="col">zone</th><th scope="col">agent</th><th scope="col">listeners</th></tr></thead><tbody>
<tr><td>n1</td><td>10.0.0.1</td><td>peer</td><td>a</td><td>0.1.0, alive</td><td>3 bound, 0 occupied, 0 denied, 0 absent</td></tr>
<tr><td>n2</td><td>10.0.0.2</td><td>peer</td><td></td><td>0.1.0, alive</td><td>2 bound, 1 occupied, 1 denied, 0 absent</td></tr>
<tr><td>n3</td><td>10.0.0.3</td><td>peer</td><td></td><td>0.1.0, gone</td><td>3 bound, 0 occupied, 0 denied, 0 absent</td></tr>
</tbody></table></div>
<h2>Not probed, to be confirmed otherwise</h2><div class="scroll"><table><thead><tr><th scope="col">row</th><th scope="col">what</th><th scope="col">why</th><th scope="col">document</th></tr></thead><tbody>
<tr><td>made-up/endpoints/updates</td><td>Downloads.</td><td>endpoints are not probed by this version</td><td>ports:30</td></tr>
</tbody></table></div>
<h2>Left out by the chosen options</h2><div class="scroll"><table><thead><tr><th scope="col">row</th><th scope="col">what</th><th scope="col">why</th><th scope="col">document</th></tr></thead><tbody>
<tr><td>made-up/flows/old-gossip</td><td>Gossip.</td><td>applies only where release &lt;2</td><td>ports:31</td></tr>
</tbody></table></div>
</body>
</html>
`,
  );
});

t.test("JSON is the report itself", async (t) => {
  t.strictSame(JSON.parse(render("json")), report);
  t.ok(render("json").endsWith("}\n"));
});

t.test("a report where everything passes says so, and asks for nothing", async (t) => {
  const good = reportOf([pathOf(), pathOf({ from: "n2", to: "n1" })]);
  t.match(
    render("text", good),
    /^Summary {2}2 pass · 0 fail · 0 warn · 0 unknown {3}\(2 paths, 1236 probes, 9\.8 s\)\n$/m,
  );
  t.notMatch(render("text", good), /Next|firewall/);
  t.match(render("html", good), "<h2>Findings</h2><p>Every path passes.</p>");
  t.equal(render("csv", good).split("\r\n").length, 2, "the header alone");
  t.notMatch(render("md", good), /\| from \|/);
  t.match(render("junit", good), '<testsuites name="prod" tests="2" failures="0" errors="0" time="9.840">');
});

t.test("an interrupted check says that it was", async (t) => {
  const cut = reportOf([pathOf({ verdict: "unknown", reason: "never-probed", coverage: "0/1" })], {
    interrupted: true,
  });
  t.match(render("text", cut), "Interrupted: what was not probed is unknown.");
  t.match(render("html", cut), "? unknown (interrupted)");
});

t.test("a node without agent and ports that were not all probed are shown", async (t) => {
  const text = render(
    "text",
    reportOf([pathOf({ ports: "30000-32767", coverage: "64/2768" })], {
      nodes: [nodeOf("n1"), nodeOf("n2", { agent: null })],
    }),
  );
  t.match(text, "node n2: no agent has joined");
  t.match(text, "coverage 64/2768");
});

t.test("a flow with many failures shows eight of them and counts the rest", async (t) => {
  const paths = Array.from({ length: 11 }, (_, index) =>
    pathOf({ to: `n${index + 2}`, verdict: "fail", reason: "dropped" }),
  );
  const lines = (format: Format, ascii = false): string[] =>
    render(format, reportOf(paths), ascii).split("\n");
  t.equal(lines("text").filter((line) => line.startsWith("    ×")).length, 8);
  t.ok(lines("text").includes("    … and 3 more"));
  t.ok(lines("text", true).includes("    ... and 3 more"));
  t.equal(lines("wide").filter((line) => line.startsWith("    ×")).length, 11);
});

t.test("two specs with a flow of the same name are told apart", async (t) => {
  const specs = [
    { id: "made-up", version: "1.0.0" },
    { id: "other", version: "2.0.0" },
  ];
  const text = render("text", reportOf([pathOf(), pathOf({ spec: "other" })], { specs }));
  t.match(text, "made-up/cql");
  t.match(text, "other/cql");
});

t.test("every verdict has its colour and, beside it, its glyph", async (t) => {
  const tag: Paint = (style, text) => `<${String(style)}>${text}</>`;
  const text = render("text", report, false, tag);
  t.match(text, "<red>×</>");
  t.match(text, "<magenta>?</>");
  t.match(text, "<green>●</>");
});

t.test("a cell of the matrix is the worst verdict of its paths", async (t) => {
  const cells = cellsOf(
    reportOf([
      pathOf(),
      pathOf({ verdict: "warn", reason: "slow" }),
      pathOf({ from: "n1", to: "n3", verdict: "unknown", reason: "stale" }),
      pathOf({ from: "n1", to: "n3", verdict: "fail", reason: "dropped" }),
      pathOf({ from: "n2", to: "n1", level: "optional", verdict: "fail", reason: "dropped" }),
    ]),
  );
  t.equal(cells.verdict("n1", "n2"), "warn");
  t.equal(cells.verdict("n1", "n3"), "fail");
  t.equal(cells.verdict("n2", "n1"), "warn", "an optional path that fails is a warning");
  t.equal(cells.verdict("n3", "n1"), undefined);
});

t.test("columns of the matrix are as wide as the longest name", async (t) => {
  const nodes = [nodeOf("n1"), nodeOf("n2", { name: "database" })];
  const matrix = renderMatrix(
    cellsOf({ nodes, paths: [pathOf({ to: "database" })] }),
    glyphsFor(true),
    plain,
  );
  t.strictSame(matrix, [
    "          to",
    "from      n1       database",
    "n1        -        o",
    "database  .        -",
  ]);
});

t.test("of a cluster that is too wide for a terminal only the nodes with trouble are shown", async (t) => {
  const nodes = Array.from({ length: 40 }, (_, index) => nodeOf(`n${index + 1}`));
  const trouble = pathOf({ from: "n7", to: "n9", verdict: "fail", reason: "dropped" });
  const glyphs = glyphsFor(true);
  t.strictSame(renderMatrix(cellsOf({ nodes, paths: [pathOf(), trouble] }), glyphs, plain), [
    "      to",
    "from  n7 n9",
    "n7    -  x",
    "n9    .  -",
    "38 nodes without trouble are not shown",
  ]);
  t.strictSame(renderMatrix(cellsOf({ nodes, paths: [pathOf()] }), glyphs, plain), [
    "all 40 nodes pass in both directions",
  ]);
});

t.test("the legend explains every glyph", async (t) => {
  t.equal(legend(glyphsFor(false)), "● pass  × fail  ! warn  ? unknown  · not required");
  t.equal(legend(glyphsFor(true)), "o pass  x fail  ! warn  ? unknown  . not required");
});

/** A report in which everything that others may write is hostile. */
function hostileReport(text: string): Report {
  const evidence = {
    source: {
      outcome: "tls-failed",
      phase: "tls",
      elapsedMs: 1,
      attempts: 1,
      code: text,
      detail: text,
    } as const,
    target: { agent: "alive", listener: "occupied", owner: text, detail: text } as const,
  };
  return reportOf(
    [
      pathOf({ verdict: "fail", reason: "tls-failed", evidence }),
      pathOf({ verdict: "fail", reason: "dropped", evidence }),
      pathOf({ verdict: "unknown", reason: "denied", evidence }),
    ],
    {
      cluster: text,
      nodes: [
        nodeOf("n1", { zone: text, agent: { version: text, host: text, state: "alive" } }),
        nodeOf("n2"),
      ],
      statements: [
        { spec: "made-up", section: "flows", row: "x", text, doc: "ports:1", why: text, applies: true },
      ],
    },
  );
}

t.test("what came from the network cannot drive a terminal", async (t) => {
  const hostile = "\u001b]0;owned\u0007\u001b[2J\u009b31m\r\n\u202e\u2066red\u0000\u007f";
  for (const format of ["text", "wide", "csv", "md"] as const) {
    const text = render(format, hostileReport(hostile)).replaceAll("\r\n", "\n");
    t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, format);
    t.match(text, "\\u001b", `${format} shows that something was there`);
  }
});

t.test("HTML stays a page without scripts, whatever the text says", async (t) => {
  const hostile = `</title></td><script>alert(1)</script><img src=x onerror="alert(1)">'&`;
  const page = render("html", hostileReport(hostile));
  t.notMatch(page, /<script|<img|<link|<iframe|src=x onerror="/i);
  t.match(
    page,
    "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&#39;&amp;",
  );
  t.match(
    page,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
  );
  t.notMatch(page, /https?:/, "and asks nobody for anything");
  t.equal(page.split("<").length, render("html", hostileReport("x")).split("<").length, "it adds no tag");
});

/** Throws where the text is no well-formed XML of elements, attributes and text. */
function checkXml(text: string): void {
  const open: string[] = [];
  for (const [token, between] of text.matchAll(/<[^>]*>|([^<]+)/g)) {
    if (between !== undefined) {
      if (between.replace(/&(amp|lt|gt|quot|apos);/g, "").includes("&"))
        throw new Error(`bare & in ${between}`);
      continue;
    }
    const tag = /^<(\/?)([a-z]+)((?: [a-z]+="(?:[^"<&]|&(?:amp|lt|gt|quot|apos);)*")*)(\/?)>$/.exec(token);
    if (tag === null) {
      if (!token.startsWith("<?xml ")) throw new Error(`bad tag ${token}`);
    } else if (tag[1] === "/") {
      if (open.pop() !== tag[2]) throw new Error(`${token} closes nothing`);
    } else if (tag[4] === "") open.push(tag[2]!);
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(" ")}`);
}

t.test("JUnit is well-formed XML, whatever the text says", async (t) => {
  t.doesNotThrow(() => checkXml(render("junit")));
  const hostile = `"/><failure>]]>&amp;<!--'\u0000\u0008\u001b\ufffe\uffff`;
  const xml = render("junit", hostileReport(hostile));
  t.doesNotThrow(() => checkXml(xml));
  t.notMatch(xml, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/, "nothing that XML cannot carry");
  t.match(xml, "&quot;/&gt;&lt;failure&gt;]]&gt;&amp;amp;&lt;!--&apos;\ufffd");
  t.throws(() => checkXml("<a><b></a>"), "the check itself finds mistakes");
});

t.test("a spreadsheet does not run what stands in a cell", async (t) => {
  for (const formula of ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)"]) {
    const csv = render("csv", hostileReport(formula));
    t.notMatch(csv, new RegExp(`(^|,)"?[=+@-]`, "m"), formula);
    t.match(csv, `'${formula}`);
  }
});

t.test("a CSV cell may hold commas and quotes", async (t) => {
  const csv = render("csv", hostileReport('a,"b"\r\nc'));
  t.match(csv, '"a,""b""\\u000d\\u000ac"', "and never a line of its own");
  t.equal(csv.split("\r\n").length, 5, "the header, three rules, the end");
});

t.test("Markdown cells stay cells", async (t) => {
  const md = render("md", hostileReport("a|b\n\n# c `d` *e* [f](g) <h>\r\ni"));
  t.match(md, "a\\|b # c \\`d\\` \\*e\\* \\[f\\](g) \\<h\\> i");
  const rows = md.split("\n").filter((line) => line.startsWith("| n1"));
  t.strictSame(
    rows.map((line) => line.replaceAll("\\|", "").split("|").length),
    [10, 10, 10],
  );
});

t.test("every format renders an empty report", async (t) => {
  for (const format of formatNames) t.type(render(format, reportOf([], { nodes: [] })), "string", format);
});
