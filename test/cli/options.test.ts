import { InvalidArgumentError } from "commander";
import t from "tap";
import {
  certificateAndKey,
  commaList,
  durationMs,
  failOn,
  hostList,
  listenAddress,
  wholeNumber,
} from "../../cli/options.ts";

/** What a bad value is told. */
function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.message;
    throw error;
  }
  return "it was accepted";
}

t.test("a duration is read as milliseconds, and needs its unit", async (t) => {
  t.equal(durationMs("500ms"), 500);
  t.equal(durationMs("5m"), 300_000);
  for (const bad of ["", "5", "5 m", "-5m", "soon"]) {
    t.equal(
      refusal(() => durationMs(bad)),
      "Must be a duration with its unit, such as 500ms, 30s or 5m.",
      bad,
    );
  }
});

t.test("an address to listen on has a port, and maybe a host", async (t) => {
  const cases: [text: string, host: string, port: number][] = [
    ["10.0.0.1:7411", "10.0.0.1", 7411],
    ["localhost:7411", "localhost", 7411],
    ["[fd00::1]:7411", "fd00::1", 7411],
    ["[::ffff:10.0.0.1]:7411", "::ffff:10.0.0.1", 7411],
    [":7411", "0.0.0.0", 7411],
    ["10.0.0.1:0", "10.0.0.1", 0],
    [":65535", "0.0.0.0", 65_535],
  ];
  for (const [text, host, port] of cases) t.strictSame(listenAddress(text), { host, port }, text);
  for (const bad of [
    "",
    "7411",
    "10.0.0.1",
    "10.0.0.1:",
    ":65536",
    "fd00::1:7411",
    "[fd00::1]",
    "[n1]:7411",
    "a b:1",
    "h:1x",
  ]) {
    t.equal(
      refusal(() => listenAddress(bad)),
      "Must be HOST:PORT, [IPv6]:PORT or :PORT, with a port up to 65535.",
      JSON.stringify(bad),
    );
  }
});

t.test("a list is split at commas, without blanks and empty items", async (t) => {
  t.strictSame(commaList("a, b ,,c"), ["a", "b", "c"]);
  t.strictSame(commaList(" , "), []);
});

t.test("--fail-on takes the words of the exit codes only", async (t) => {
  t.strictSame(failOn("fail,incomplete"), ["fail", "incomplete"]);
  t.strictSame(failOn("warn"), ["warn"]);
  for (const bad of ["", ",", "unknown", "fail,never", "FAIL"]) {
    t.equal(
      refusal(() => failOn(bad)),
      "Must be a list of fail, warn, incomplete.",
      JSON.stringify(bad),
    );
  }
});

t.test("a number is whole and within its limits", async (t) => {
  const read = wholeNumber(2, 40);
  t.equal(read("2"), 2);
  t.equal(read("40"), 40);
  for (const bad of ["1", "41", "", "3.5", "-3", "0x3", "1e1", " 3", "three"]) {
    t.equal(
      refusal(() => read(bad)),
      "Must be a whole number from 2 to 40.",
      JSON.stringify(bad),
    );
  }
});

t.test("hosts are names or addresses without ports", async (t) => {
  t.strictSame(hostList("watch.example.com, 10.0.0.1,fd00::1"), ["watch.example.com", "10.0.0.1", "fd00::1"]);
  for (const bad of ["", ",", "a b", "http://a", "a:7717", "10.0.0.300"])
    t.equal(
      refusal(() => hostList(bad)),
      "Must be host names or addresses, without ports, by commas.",
      bad,
    );
});

t.test("a certificate comes with its key", async (t) => {
  t.strictSame(certificateAndKey("a.pem, b.pem"), ["a.pem", "b.pem"]);
  for (const bad of ["", "a.pem", "a.pem,b.pem,c.pem"])
    t.match(
      refusal(() => certificateAndKey(bad)),
      /two files/,
      bad,
    );
});
