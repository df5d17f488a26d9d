import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { stringify } from "yaml";
import { compare } from "../../bin/documents/compare.ts";
import { parseSpec, type ProductSpec } from "../../shared/spec.ts";
import { shippedSpecsFolder } from "../../shared/spec-folder.ts";

const harbourText = `Ports of the harbour

Lamp|9100|keepers among themselves
Horn|7001, 7002|keepers among themselves
Buoys|4000 - 4010|keepers among themselves
Oil|84431|keepers among themselves
Radio|25 or 587|to the customer's radio
Gate|443, which the host sends on to 8022|from visitors
Charts|443|charts.harbour.example, 192.0.2.7, with TLS v1.2
Between keepers there are 2 Gbps and no less.
Visitors come in on 443.
Wherries get ports from 20K+ up.
1
Harbours older than 1.9 had oil on 8443 for visitors too.
`;

type Row = Record<string, unknown>;
const common = { phase: "runtime", level: "required", description: "A row." };
const flow = {
  ...common,
  from: ["keepers"],
  to: ["keepers"],
  transport: "tcp",
  application: "tcp",
  security: "none",
};
const inside = { ...flow, scope: "cluster" };
const visitors = { ...flow, from: ["visitors"], ports: 443, redirectTo: 8022, scope: "user" };

/** Says all that the text says. Tests change one thing in it. */
function harbour(change: (spec: ReturnType<typeof draft>) => void = () => {}): ProductSpec {
  const spec = draft();
  change(spec);
  return parseSpec(yamlOf(spec), "harbour.yaml");
}

/** Rows are easier to change by name; a spec lists them. */
function yamlOf({ flows, endpoints, requirements, ...rest }: ReturnType<typeof draft>): string {
  const list = (rows: Record<string, Row>): Row[] =>
    Object.entries(rows).map(([name, row]) => ({ name, ...row }));
  return stringify({
    ...rest,
    flows: list(flows),
    endpoints: list(endpoints),
    requirements: list(requirements),
  });
}

function draft() {
  return {
    id: "harbour",
    title: "Harbour",
    version: "1.0.0",
    source: [
      {
        id: "ports",
        title: "Ports of the harbour",
        lines: 14,
        sha256: sha256(harbourText),
        read: "2026-11-21",
      },
    ],
    options: { radio: { description: "The customer's radio.", type: "host" } } as Row,
    roles: {
      keepers: { title: "Keepers", place: "in-cluster", doc: "ports:3" },
      visitors: { title: "Visitors", place: "outside", doc: "ports:8" },
    },
    flows: {
      lamp: { ...inside, ports: 9100, doc: "ports:3" },
      horn: { ...inside, ports: [7001, 7002], doc: "ports:4" },
      buoys: { ...inside, ports: "4000-4010", doc: "ports:5" },
      oil: { ...inside, ports: 8443, doc: "ports:6,13-14" },
      gate: { ...visitors, doc: "ports:8" },
      quay: { ...visitors, doc: "ports:11" },
    } as Record<string, Row>,
    endpoints: {
      radio: { ...flow, to: undefined, supplied: { option: "radio" }, anyOf: [25, 587], doc: "ports:7" },
      charts: {
        ...flow,
        to: undefined,
        hosts: ["charts.harbour.example"],
        addresses: ["192.0.2.7"],
        ports: 443,
        security: "tls",
        tlsMinimum: "1.2",
        doc: "ports:9",
      },
    } as Record<string, Row>,
    requirements: {
      bandwidth: { ...common, kind: "bandwidth", on: ["keepers"], expected: "2 Gbps", doc: "ports:10" },
      wherries: {
        ...common,
        kind: "access",
        on: ["keepers"],
        key: "20000+",
        expected: "20K+ open",
        doc: "ports:12",
      },
    } as Record<string, Row>,
  };
}

function findingsOf(change?: Parameters<typeof harbour>[0], text = harbourText): readonly string[] {
  return compare([harbour(change)], [{ name: "harbour.txt", bytes: Buffer.from(text) }]).findings;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

t.test("a spec and a document that say the same have no findings and a summary", async (t) => {
  t.strictSame(compare([harbour()], [{ name: "harbour.txt", bytes: Buffer.from(harbourText) }]), {
    findings: [],
    summary: [
      "harbour: 10 rows cite 12 of 14 lines; looked up 13 mentions of ports, 1 of hosts and 1 of addresses",
    ],
  });
});

t.test("what a row claims and its lines do not mention is found", async (t) => {
  const missing = (lines: string, row: string, what: string): string =>
    `Ports of the harbour:${lines}: ${row} has ${what}, which these lines do not mention`;
  const forgotten = (line: number, what: string): string =>
    `Ports of the harbour:${line}: ${what} is in no row that cites the line`;
  const cases: [name: string, change: Parameters<typeof harbour>[0], findings: string[]][] = [
    [
      "a wrong port",
      ({ flows }) => (flows["lamp"]!["ports"] = 9101),
      [missing("3", "flows/lamp", "port 9101"), forgotten(3, "port 9100")],
    ],
    [
      "a port of a list",
      ({ flows }) => (flows["horn"]!["ports"] = [7001, 7002, 7003]),
      [missing("4", "flows/horn", "port 7003")],
    ],
    [
      "a range that ends too late",
      ({ flows }) => (flows["buoys"]!["ports"] = "4000-4011"),
      [missing("5", "flows/buoys", "ports 4000-4011")],
    ],
    [
      "a range that ends too early",
      ({ flows }) => (flows["buoys"]!["ports"] = "4000-4009"),
      [forgotten(5, "ports 4000-4010")],
    ],
    [
      "an alternative",
      ({ endpoints }) => (endpoints["radio"]!["anyOf"] = [25, 587, 465]),
      [missing("7", "endpoints/radio", "port 465")],
    ],
    [
      "a recommended port",
      (spec) => {
        spec.options["gate"] = { description: "The gate's port.", type: "port" };
        delete spec.flows["quay"]!["ports"];
        spec.flows["quay"]!["configurable"] = { option: "gate", recommended: 8443 };
      },
      [missing("11", "flows/quay", "port 8443"), forgotten(11, "port 443")],
    ],
    [
      "a host and an address",
      ({ endpoints }) => {
        endpoints["charts"]!["hosts"] = ["harbour.example"];
        endpoints["charts"]!["addresses"] = ["192.0.2.70"];
      },
      [
        missing("9", "endpoints/charts", "harbour.example"),
        missing("9", "endpoints/charts", "192.0.2.70"),
        forgotten(9, "host charts.harbour.example"),
        forgotten(9, "address 192.0.2.7"),
      ],
    ],
    [
      "a version of TLS",
      ({ endpoints }) => (endpoints["charts"]!["tlsMinimum"] = "1.3"),
      [missing("9", "endpoints/charts", "the figure 1.3")],
    ],
    [
      "a figure of a requirement",
      ({ requirements }) => (requirements["bandwidth"]!["expected"] = "3 Gbps"),
      [missing("10", "requirements/bandwidth", "the figure 3")],
    ],
    [
      "the figure to measure against",
      ({ requirements }) => (requirements["bandwidth"]!["minimum"] = { value: 4, unit: "Gbps" }),
      [missing("10", "requirements/bandwidth", "the figure 4")],
    ],
  ];
  for (const [name, change, findings] of cases) t.strictSame(findingsOf(change), findings, name);
});

t.test("what a document mentions and no row that cites the line has is found", async (t) => {
  const forgotten = (line: number, what: string): string =>
    `Ports of the harbour:${line}: ${what} is in no row that cites the line`;
  const without =
    (section: "flows" | "endpoints" | "requirements", name: string) =>
    (spec: ReturnType<typeof draft>): void => {
      delete spec[section][name];
    };
  t.strictSame(findingsOf(without("flows", "lamp")), [forgotten(3, "port 9100")]);
  t.strictSame(findingsOf(without("flows", "horn")), [forgotten(4, "port 7001"), forgotten(4, "port 7002")]);
  t.strictSame(findingsOf(without("flows", "buoys")), [forgotten(5, "ports 4000-4010")]);
  t.strictSame(findingsOf(without("requirements", "wherries")), [forgotten(12, "ports 20000-65535")]);
});

t.test("a footnote's mark is cut off only for a row that cites the footnote", async (t) => {
  t.strictSame(
    findingsOf(({ flows }) => (flows["oil"]!["doc"] = "ports:6")),
    [
      "Ports of the harbour:6: flows/oil has port 8443, which these lines do not mention",
      "Ports of the harbour:14: port 8443 is in no row that cites the line",
    ],
  );
});

t.test("a redirect is looked up once, and every row on its port may repeat it", async (t) => {
  const gone = (spec: ReturnType<typeof draft>): void => {
    spec.flows["gate"]!["redirectTo"] = undefined;
  };
  t.strictSame(findingsOf(gone), [
    "Ports of the harbour:11: flows/quay has a redirect to 8022, which these lines do not mention",
    "Ports of the harbour:8: port 8022 is in no row that cites the line",
  ]);
});

t.test("the values of an option count as much as rows", async (t) => {
  const asOption =
    (values: string[]) =>
    (spec: ReturnType<typeof draft>): void => {
      delete spec.flows["lamp"];
      spec.options["lamp"] = { description: "The lamp's port.", type: "choice", values, doc: "ports:3" };
    };
  t.strictSame(findingsOf(asOption(["9100"])), []);
  t.strictSame(findingsOf(asOption(["9100", "9101"])), [
    "Ports of the harbour:3: options/lamp has port 9101, which these lines do not mention",
  ]);
});

t.test(
  "figures that a document writes otherwise, and the kernel's own values, are no inventions",
  async (t) => {
    const text = harbourText
      .replace("2 Gbps", "two kernels that forward packets over several wires of")
      .replace("1.9", "1.8");
    const change = (spec: ReturnType<typeof draft>): void => {
      spec.source[0]!.sha256 = sha256(text);
      spec.requirements["bandwidth"]!["expected"] = "2 wires";
      spec.requirements["wherries"]!["expected"] = "20000+ open";
      spec.requirements["forward"] = {
        ...common,
        kind: "sysctl",
        on: ["keepers"],
        key: "net.ipv4.ip_forward",
        expected: "1",
        doc: "ports:10",
      };
    };
    t.strictSame(findingsOf(change, text), []);
  },
);

t.test(
  "a source without its file, a file without a source and a wrong number of lines are found",
  async (t) => {
    const file = { name: "harbour.txt", bytes: Buffer.from(harbourText) };
    const stranger = { name: "shipyard.txt", bytes: Buffer.from("Dry dock\n") };
    t.strictSame(compare([harbour()], []).findings, [
      "Ports of the harbour: harbour has it as a source, and no file has its sha256",
    ]);
    t.strictSame(compare([harbour()], [file, stranger]).findings, [
      "shipyard.txt: no spec has it as a source",
    ]);
    t.strictSame(compare([harbour(({ source }) => (source[0]!.lines = 15))], [file]).findings, [
      "Ports of the harbour: has 14 lines, and harbour says 15",
    ]);
  },
);

t.test("specs that share a document share the work, and what none has is missing once", async (t) => {
  const file = { name: "harbour.txt", bytes: Buffer.from(harbourText) };
  const lampless = harbour(({ flows }) => delete flows["lamp"]);
  t.strictSame(compare([harbour(), lampless], [file]).findings, []);
  t.strictSame(compare([lampless, lampless], [file]).findings, [
    "Ports of the harbour:3: port 9100 is in no row that cites the line",
  ]);
});

t.test("the example in the guide for authors says what its document says", async (t) => {
  const guide = readFileSync(join(shippedSpecsFolder, "README.md"), "utf8");
  const blocks = Array.from(guide.matchAll(/^```[a-z]*\n(.*?)^```/gms), ([, block]) => block!);
  const [numbered, yaml] = blocks.slice(-2) as [string, string];
  const bytes = Buffer.from(numbered.replaceAll(/^ *\d+ {2}/gm, ""));
  t.strictSame(compare([parseSpec(yaml, "README.md")], [{ name: "lighthouse.txt", bytes }]).findings, []);
});

t.test("the command says by its exit code what it found", async (t) => {
  const folder = t.testdir({
    documents: { "harbour.txt": harbourText, ".notes": "not a document" },
    same: { "harbour.yaml": yamlOf(draft()) },
    other: { "harbour.yaml": yamlOf(draft()).replace("9100", "9101") },
  });
  const run = (...args: string[]) => {
    const script = join(import.meta.dirname, "..", "..", "bin", "check-documents.ts");
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  t.match(run(join(folder, "documents"), join(folder, "same")), {
    status: 0,
    stdout: /^harbour: 10 rows/,
    stderr: "",
  });
  t.match(run(join(folder, "documents"), join(folder, "other")), {
    status: 1,
    stdout: /flows\/lamp has port 9101/,
  });
  t.match(run(join(folder, "nowhere"), join(folder, "same")), { status: 2, stdout: "", stderr: /ENOENT/ });
  t.match(run(), { status: 2, stderr: /^usage: / });
});
