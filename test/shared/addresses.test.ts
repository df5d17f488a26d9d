import t from "tap";
import {
  addressFromBytes,
  addressToBytes,
  canonicalAddress,
  familyOf,
  formatEndpoint,
  isLoopback,
  localhostOf,
  parseHost,
} from "../../shared/addresses.ts";

t.test("literals of both families are addresses", async (t) => {
  for (const address of ["10.0.0.1", "0.0.0.0", "255.255.255.255"]) t.equal(familyOf(address), 4, address);
  for (const address of ["::", "::1", "fd00::1", "FD00::1", "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8"]) {
    t.equal(familyOf(address), 6, address);
  }
});

t.test("names, zone ids and spellings that only some systems read are no addresses", async (t) => {
  const refused = [
    "",
    "localhost",
    "n1.example",
    "fe80::1%eth0",
    "fe80::1%1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "010.0.0.1",
    "10.0.0.01",
    "１０.0.0.1",
    "10。0。0。1",
    "10.0.0.256",
    "10.0.0.1.",
    "10.0.0.1/8",
    "10.0.0.1:80",
    " 10.0.0.1",
    "10.0.0.1\n",
    "[::1]",
    "1:2:3:4:5:6:7",
    "1::2::3",
    "::ffff:127.1",
    "12345::",
    ":::",
  ];
  for (const text of refused) t.equal(familyOf(text), undefined, JSON.stringify(text));
});

t.test("every address has one spelling (RFC 5952)", async (t) => {
  const cases: [written: string, canonical: string][] = [
    ["10.0.0.1", "10.0.0.1"],
    // Section 4.1 to 4.3: leading zeros, the longest run of zeros, lower case.
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:DB8::AAAA", "2001:db8::aaaa"],
    // Section 1 gives these as spellings of one address.
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:0:1::1", "2001:db8::1:0:0:1"],
    ["2001:db8:0000:0:1::1", "2001:db8::1:0:0:1"],
    ["2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:255.254.253.252", "1:2:3:4:5:6:fffe:fdfc"],
  ];
  for (const [written, canonical] of cases) t.equal(canonicalAddress(written), canonical, written);
});

t.test("an IPv4-mapped address is the IPv4 address", async (t) => {
  for (const written of ["::ffff:10.0.0.1", "::FFFF:10.0.0.1", "::ffff:a00:1", "0:0:0:0:0:ffff:0a00:0001"]) {
    t.equal(canonicalAddress(written), "10.0.0.1", written);
  }
  t.equal(canonicalAddress("::10.0.0.1"), "::a00:1", "one that is only compatible is not");
  t.equal(canonicalAddress("1::ffff:10.0.0.1"), "1::ffff:a00:1", "one with anything before it is not");
});

t.test("sixteen bytes hold either family", async (t) => {
  t.equal(addressToBytes("10.0.0.1").toString("hex"), "00000000000000000000ffff0a000001");
  t.equal(addressToBytes("2001:db8::1").toString("hex"), "20010db8000000000000000000000001");
});

t.test("what is written can be read back, and is then already canonical", async (t) => {
  const addresses = [
    "0.0.0.0",
    "192.0.2.33",
    "255.255.255.255",
    "::",
    "::1",
    "1::",
    "fd00::1",
    "2001:db8:0:1:1:1:1:1",
    "1:2:3:4:5:6:7:8",
  ];
  for (const address of addresses) {
    t.equal(addressFromBytes(addressToBytes(address)), address);
    t.equal(canonicalAddress(canonicalAddress(address)), address);
  }
});

t.test("loopback is recognised in every spelling that is canonical or mapped", async (t) => {
  for (const address of ["127.0.0.1", "127.77.0.3", "::1", "::ffff:127.0.0.1"])
    t.ok(isLoopback(address), address);
  for (const address of ["10.0.0.1", "128.0.0.1", "::", "::2", "fd00::1"])
    t.notOk(isLoopback(address), address);
});

t.test(
  "a node's localhost is of the family of its address, and its own where it lives on loopback",
  async (t) => {
    t.equal(localhostOf("10.0.0.1"), "127.0.0.1");
    t.equal(localhostOf("fd00::1"), "::1");
    t.equal(localhostOf("127.77.0.3"), "127.77.0.3");
  },
);

t.test("an endpoint can be told from an IPv6 address alone", async (t) => {
  t.equal(formatEndpoint("10.0.0.1", 443), "10.0.0.1:443");
  t.equal(formatEndpoint("fd00::1", 443), "[fd00::1]:443");
});

t.test("a host is a name or an address, maybe with a port", async (t) => {
  const cases: [text: string, host: string, port?: number][] = [
    ["mail", "mail"],
    ["Mail.Example.COM", "mail.example.com"],
    ["mail.example.com.", "mail.example.com"],
    ["mail.example.com:587", "mail.example.com", 587],
    ["_dmarc.example.com", "_dmarc.example.com"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["3com.example", "3com.example"],
    ["10.0.0.1", "10.0.0.1"],
    ["10.0.0.1:65535", "10.0.0.1", 65_535],
    ["FD00::1", "fd00::1"],
    ["[FD00::1]", "fd00::1"],
    ["[fd00::1]:443", "fd00::1", 443],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["[::ffff:10.0.0.1]:1", "10.0.0.1", 1],
  ];
  for (const [text, host, port] of cases) t.strictSame(parseHost(text), { host, port }, text);
});

t.test("what is neither is no host", async (t) => {
  const refused = [
    "",
    ".",
    "-mail.example",
    "mail-.example",
    "mail..example",
    "mail example",
    "https://mail.example",
    "mail.example/path",
    "user@mail.example",
    "mail.example:",
    "mail.example:0",
    "mail.example:65536",
    "mail.example:smtp",
    "10.0.0.300",
    "10.0.0",
    "2130706433",
    "0x7f000001",
    "[10.0.0.1",
    "[mail.example]",
    "fe80::1%eth0",
    "[fe80::1%eth0]:443",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(127)}example`,
  ];
  for (const text of refused) t.equal(parseHost(text), undefined, JSON.stringify(text));
});
