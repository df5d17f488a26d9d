import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { defaultPolicy } from "../../agent/policy.ts";
import { readPolicy } from "../../cli/policy-file.ts";
import { mistakesOf } from "../helpers/domain-fixtures.ts";

/** A policy file with this text. */
function fileOf(t: Test, text: string): string {
  const path = join(t.testdir({}), "policy.yaml");
  writeFileSync(path, text);
  return path;
}

t.test("a policy says what may be probed, and how fast", async (t) => {
  const path = fileOf(
    t,
    "allow: [10.0.0.0/8, fd00::/8, 192.0.2.1/32, 0.0.0.0/0, ::/0]\nprobesPerSecond: 50\nrelay: false\nendpoints: ['Hooks.Example.com:443', '[2001:DB8::1]:8443', '192.0.2.7:25']\n",
  );
  t.strictSame(readPolicy(path), {
    allow: ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32", "0.0.0.0/0", "::/0"],
    endpoints: ["hooks.example.com:443", "[2001:db8::1]:8443", "192.0.2.7:25"],
    probesPerSecond: 50,
    relay: false,
  });
});

t.test("what a policy leaves out is as without one", async (t) => {
  t.strictSame(readPolicy(fileOf(t, "probesPerSecond: 50\n")), { ...defaultPolicy, probesPerSecond: 50 });
  t.strictSame(readPolicy(fileOf(t, "{}\n")), defaultPolicy);
});

t.test("an empty list would allow nothing and is taken for a mistake", async (t) => {
  const path = fileOf(t, "allow: []\n");
  t.match(
    mistakesOf(() => readPolicy(path)),
    [/^.*policy\.yaml:1:8: \/allow: /],
  );
});

t.test("every range that is none is named, with its place", async (t) => {
  const path = fileOf(
    t,
    [
      "allow:",
      "  - 10.0.0.0/8",
      "  - 10.0.0.0",
      "  - 10.0.0.0/33",
      "  - fd00::/129",
      "  - n1/8",
      "  - 10.0.0.0/8/8",
      "  - 127.1/8",
      "  - 10.0.0.0/-1",
      "",
    ].join("\n"),
  );
  const refused = (line: number, position: number, found: string): string =>
    `${path}:${line}:5: /allow/${position}: must be a range such as 10.0.0.0/8; found ${found}`;
  t.strictSame(
    mistakesOf(() => readPolicy(path)),
    [
      refused(3, 1, "10.0.0.0"),
      refused(4, 2, "10.0.0.0/33"),
      refused(5, 3, "fd00::/129"),
      refused(6, 4, "n1/8"),
      refused(7, 5, "10.0.0.0/8/8"),
      refused(8, 6, "127.1/8"),
      refused(9, 7, "10.0.0.0/-1"),
    ],
  );
});

t.test("an endpoint is a host with a port, and nothing else", async (t) => {
  const path = fileOf(
    t,
    "endpoints: [example.com:443, example.com, 'example.com:0', '*.example.com:443', 'https://a.example:1']\n",
  );
  const refused = (column: number, position: number, found: string): string =>
    `${path}:1:${column}: /endpoints/${position}: must be a host and a port such as hooks.example.com:443 or [2001:db8::1]:443; found ${found}`;
  t.strictSame(
    mistakesOf(() => readPolicy(path)),
    [
      refused(30, 1, "example.com"),
      refused(43, 2, "example.com:0"),
      refused(60, 3, "*.example.com:443"),
      refused(81, 4, "https://a.example:1"),
    ],
  );
});

t.test("a misspelt field does not silently allow everything", async (t) => {
  const path = fileOf(t, "alow: [10.1.0.0/16]\nprobesPerSecond: 0\n");
  t.strictSame(
    mistakesOf(() => readPolicy(path)),
    [
      `${path}:1:1: /alow: unknown field "alow", did you mean "allow"?`,
      `${path}:2:18: /probesPerSecond: must be >= 1; found 0`,
    ],
  );
});

t.test("a policy file that is not there is an error, not the default", async (t) => {
  const path = join(t.testdir({}), "missing.yaml");
  t.throws(() => readPolicy(path), {
    code: "usage",
    message: `cannot read the policy file ${path}: ENOENT`,
    next: "Check the path and that this user may read it.",
  });
});
