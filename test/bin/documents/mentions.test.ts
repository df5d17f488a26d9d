import t from "tap";
import { readVendorDocument } from "../../../bin/documents/mentions.ts";

/** Ports as `4000` or `4000-4010`, with the second reading of a number in brackets. */
function portsOf(...lines: string[]): string[] {
  return readVendorDocument(lines.join("\n")).ports.map(({ readings }) =>
    readings
      .map(({ ports: [first, last], footnote }) => {
        const text = first === last ? `${first}` : `${first}-${last}`;
        return footnote === undefined ? text : `(${text})`;
      })
      .join(" "),
  );
}

t.test("numbers are ports in tables, lists and prose", async (t) => {
  const cases: [line: string, ports: string[]][] = [
    ["|9100|TCP|Lamp|", ["9100"]],
    ["7001, 7002 and 65535", ["7001", "7002", "65535"]],
    ["Foghorn TCP/8843 (HTTPS)", ["8843"]],
    ["25 or 587", ["25", "587"]],
    ["4000-4010", ["4000-4010"]],
    ["4000 - 4010", ["4000-4010"]],
    ["ports 4000 to 4010", ["4000-4010"]],
    ["1-1024", ["1-1024"]],
    ["from the upper range (20K+)", ["20000-65535"]],
    ["9000+ for guests", ["9000-65535"]],
    ["lamp.example.com:8443 or 192.0.2.7:8444", ["8443", "8444"]],
    ["opens port 8080.", ["8080"]],
  ];
  for (const [line, ports] of cases) t.strictSame(portsOf(line), ports, line);
});

t.test("numbers that are something else are no ports", async (t) => {
  const lines = [
    "Call 1-800-200-0555 or +1 800 555 0100",
    "last updated 2031-10-12",
    "since version 1.166 or v2.0, with TLS 1.2",
    "1 Gbps and 100 MBps, within 20 ms, 10% loss",
    "see part 740, no. 12 and step 30",
    "12. Open the lamp room",
    "any of (12)",
    "a 30-day trial, 3-min read, TLS 1-way",
    "Layer 4",
    "7",
    "IPv4, SOCKS5, ec2, area52",
    "lamp-8080.example.com",
    "192.0.2.7/24",
    "70000 ships, 4010-4000",
    "[lamps](http://example.com/lamps/2201)",
  ];
  for (const line of lines) t.strictSame(portsOf(line), [], line);
});

t.test("a last digit may be the mark of a footnote that the document has", async (t) => {
  t.strictSame(portsOf("84431", "1"), ["(8443)"]);
  t.strictSame(portsOf("52001", "1"), ["52001 (5200)"]);
  t.strictSame(portsOf("84431", "2"), []);
  t.strictSame(portsOf("52001", "2"), ["52001"]);
  t.strictSame(readVendorDocument("84431\n\n1").ports, [
    { line: 1, text: "84431", readings: [{ ports: [8443, 8443], footnote: [3] }] },
  ]);
});

t.test("hosts and addresses are found whole, without those of links", async (t) => {
  const { hosts, addresses } = readVendorDocument(
    [
      "*.Harbour.example, oil.harbour.example (192.0.2.7) e.g. [chart](http://sea.example/)",
      "10.0.0.0/8 v1.2.3",
    ].join("\n"),
  );
  t.strictSame(hosts, [
    { line: 1, text: "harbour.example" },
    { line: 1, text: "oil.harbour.example" },
  ]);
  t.strictSame(addresses, [
    { line: 1, text: "192.0.2.7" },
    { line: 2, text: "10.0.0.0" },
  ]);
});

t.test("lines are counted as cat -n counts them", async (t) => {
  t.equal(readVendorDocument("a\nb").lines.length, 2);
  t.equal(readVendorDocument("a\nb\n").lines.length, 2);
  t.strictSame(readVendorDocument("a\r\n\r\nb\r\n").lines, ["a", "", "b"]);
});
