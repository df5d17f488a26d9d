import t from "tap";
import { parseCluster, type Cluster, type SpecSource } from "../../shared/cluster-file.ts";
import { makeAuthority } from "../helpers/certificates.ts";
import { mistakesOf, specOf } from "../helpers/domain-fixtures.ts";

const { pem } = await makeAuthority("Company Root");
const privateKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const files: Record<string, string> = {
  "ca.pem": pem,
  "proxy.pem": `# the proxy's\n${pem}`,
  secret: "alice:a:b\n",
  "secret.crlf": "bob:pass\r\n",
  "no-colon": "alice\n",
  "two-lines": "alice:secret\nbob:secret\n",
  "broken.pem": `${pem}${broken}`,
  "cut.pem": `${pem}-----BEGIN CERTIFICATE-----\nAAAA`,
  "both.pem": `${privateKey}${pem}`,
  "many.pem": pem.repeat(Math.ceil(1_048_576 / pem.length)),
  "key.pem": "-----BEGIN PRIVATE KEY-----\n",
};
const pin = `sha256/${"A".repeat(43)}=`;
const specs: SpecSource = {
  shippedIds: () => ["made-up"],
  shipped: () => specOf(),
  file: () => undefined,
  text: (path) => files[path],
};

function read(more: string): Cluster {
  return parseCluster(
    `name: x\nspecs: [{id: made-up}]\nnodes: [{name: n1, address: 10.0.0.1}]\n${more}`,
    "cluster.yaml",
    specs,
  );
}
const said = (more: string): string[] => mistakesOf(() => read(more));

t.test("a cluster file that says nothing has nothing outside but what everybody has", async (t) => {
  t.strictSame(read("").outside, {
    proxies: {},
    resolve: new Map(),
    authorities: [],
    inspection: [],
    pins: new Map(),
  });
});

t.test("proxies have a host and a port, and their secrets come by file", async (t) => {
  const { proxies } = read(
    "proxies:\n  http: {url: 'http://Proxy.example:8080', credentials: secret}\n  socks5: 'socks5h://[FD00::1]'\n",
  ).outside;
  t.strictSame(proxies, {
    http: { host: "proxy.example", port: 8_080, credentials: { user: "alice", password: "a:b" } },
    socks5: { host: "fd00::1", port: 1_080, credentials: undefined },
  });
  t.strictSame(
    read("proxies: {http: {url: 'http://proxy', credentials: secret.crlf}}\n").outside.proxies.http,
    {
      host: "proxy",
      port: 3_128,
      credentials: { user: "bob", password: "pass" },
    },
  );
  // The port that goes without saying in HTTP is not the one that does for proxies.
  t.match(read("proxies: {http: 'http://proxy:80/'}\n").outside.proxies.http, { host: "proxy", port: 80 });
});

t.test(
  "names have addresses in one spelling, authorities are the content of files, pins are keys",
  async (t) => {
    const { resolve, authorities, inspection, pins } = read(
      `resolve: {a.example: 10.9.9.9, b.example: ["FD00::2", "::ffff:10.0.0.1"]}\ntrust: [ca.pem]\nproxies: {inspection: proxy.pem}\npins: {a.example: ${pin}}\n`,
    ).outside;
    t.strictSame(
      [...resolve],
      [
        ["a.example", ["10.9.9.9"]],
        ["b.example", ["fd00::2", "10.0.0.1"]],
      ],
    );
    t.strictSame(authorities, [files["ca.pem"]]);
    t.strictSame(inspection, [pem]);
    t.strictSame([...pins], [["a.example", pin]]);
  },
);

t.test("every mistake has its sentence and its place, and none repeats a secret", async (t) => {
  const cases: [more: string, ...mistakes: string[]][] = [
    [
      "proxies: {http: proxy:3128}\n",
      "4:17: /proxies/http: must be a URL such as http://proxy.example.com:3128",
    ],
    [
      "proxies: {http: 'https://proxy'}\n",
      "4:17: /proxies/http: must be a URL such as http://proxy.example.com:3128",
    ],
    [
      "proxies: {socks5: 'http://proxy'}\n",
      "4:19: /proxies/socks5: must be a URL such as socks5://proxy.example.com:1080",
    ],
    [
      "proxies: {http: 'http://alice:secret@proxy'}\n",
      "4:17: /proxies/http: put user:password into a file and name it: {url: …, credentials: FILE}; a cluster file is no place for secrets",
    ],
    [
      "proxies: {http: {url: 'http://proxy', credentials: missing}}\n",
      "4:52: /proxies/http/credentials: cannot read user:password on one line from missing",
    ],
    [
      "proxies: {http: {url: 'http://proxy', credentials: no-colon}}\n",
      "4:52: /proxies/http/credentials: cannot read user:password on one line from no-colon",
    ],
    [
      "proxies: {http: {url: 'http://proxy', credentials: two-lines}}\n",
      "4:52: /proxies/http/credentials: cannot read user:password on one line from two-lines",
    ],
    [
      "proxies: {http: 'http://proxy:0'}\n",
      "4:17: /proxies/http: must be a URL such as http://proxy.example.com:3128",
    ],
    ["trust: broken.pem\n", "4:8: /trust: cannot read certificates in PEM from broken.pem"],
    ["trust: cut.pem\n", "4:8: /trust: cannot read certificates in PEM from cut.pem"],
    [
      "trust: [ca.pem, many.pem]\n",
      "4:17: /trust/1: many.pem makes more than 1048576 bytes of certificates: name those that endpoints have",
    ],
    ["trust: [ca.pem, key.pem]\n", "4:17: /trust/1: cannot read certificates in PEM from key.pem"],
    ["trust: missing.pem\n", "4:8: /trust: cannot read certificates in PEM from missing.pem"],
    [
      "proxies: {inspection: missing.pem}\n",
      "4:23: /proxies/inspection: cannot read certificates in PEM from missing.pem",
    ],
    ["resolve: {A.example: 10.9.9.9}\n", "4:11: /resolve/A.example: A.example is no host name in lower case"],
    [
      "resolve: {a.example: [10.9.9.9, b.example]}\n",
      "4:22: /resolve/a.example: must be IPv4 or IPv6 addresses; found 10.9.9.9, b.example",
    ],
    [
      "resolve: {a.example: [], b.example: 5}\n",
      "4:22: /resolve/a.example: must be an IPv4 or IPv6 address, or a list of at least one; found a list",
      "4:37: /resolve/b.example: must be an IPv4 or IPv6 address, or a list of at least one; found 5",
    ],
    ["resolve: {10.0.0.1: 10.9.9.9}\n", "4:11: /resolve/10.0.0.1: 10.0.0.1 is no host name in lower case"],
    [
      `pins: {A.example: ${pin}, "a.example:443": ${pin}, 10.0.0.1: ${pin}}\n`,
      "4:8: /pins/A.example: A.example is no host name in lower case",
      "4:72: /pins/a.example:443: a.example:443 is no host name in lower case",
    ],
    [
      "pins: {a.example: abc}\n",
      '4:19: /pins/a.example: must be sha256/ and 44 characters of base64, as curl\'s --pinnedpubkey takes it; found "abc"',
    ],
  ];
  for (const [more, ...mistakes] of cases)
    t.strictSame(
      said(more),
      mistakes.map((mistake) => `cluster.yaml:${mistake}`),
      more,
    );
  for (const [more] of cases) t.notMatch(said(more).join(), "alice:secret");
  t.strictSame(read("trust: [both.pem]\n").outside.authorities, [pem], "a private key stays where it is");
});
