/**
 * What the cluster file says of the way out of the cluster: proxies, addresses for names, and whose
 * certificates are to be expected. Secrets come by file and are part of no plan and no report.
 */
import { X509Certificate } from "node:crypto";
import Type, { type Static } from "typebox";
import { canonicalAddress, familyOf, parseHost } from "./addresses.ts";
import type { SourceDocument } from "./document.ts";
import type { Problem } from "./errors.ts";
import type { ProxyKind } from "./names.ts";
import { expects } from "./schema-errors.ts";

const ProxySchema = Type.Union(
  [
    Type.String(),
    Type.Object(
      { url: Type.String(), credentials: Type.Optional(Type.String({ minLength: 1 })) },
      { additionalProperties: false },
    ),
  ],
  {
    description: "A URL, or a map with url and credentials (a file that holds user:password).",
    ...expects("a URL such as http://proxy:3128, or a map with url and maybe credentials (a file)"),
  },
);
const Address = Type.String();
const PemFiles = Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }))], {
  description: "PEM files, relative to the cluster file.",
  ...expects("the path of a PEM file, or a list of them"),
});

/** Fields of the cluster file. */
export const outsideFields = {
  proxies: Type.Optional(
    Type.Object(
      {
        http: Type.Optional(ProxySchema),
        socks5: Type.Optional(ProxySchema),
        inspection: Type.Optional({
          ...PemFiles,
          description:
            "Authorities of a proxy that opens TLS with the owner's consent. Endpoints that must stay unopened fail all the same.",
        }),
      },
      { additionalProperties: false },
    ),
  ),
  resolve: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Union([Address, Type.Array(Address, { minItems: 1 })], {
        ...expects("an IPv4 or IPv6 address, or a list of at least one"),
      }),
      { description: "Host name to addresses, instead of asking DNS; a proxy goes on asking its own." },
    ),
  ),
  trust: Type.Optional({
    ...PemFiles,
    description: "PEM files of authorities that endpoints may have, besides the public ones.",
  }),
  pins: Type.Optional(
    Type.Record(
      Type.String(),
      Type.String({
        pattern: "^sha256/[A-Za-z0-9+/]{43}=$",
        ...expects("sha256/ and 44 characters of base64, as curl's --pinnedpubkey takes it"),
      }),
      { description: "Host name to the SHA-256 of the public key that its certificate must have." },
    ),
  ),
};
const OutsideSchema = Type.Object(outsideFields);

export interface Proxy {
  host: string;
  port: number;
  credentials: { user: string; password: string } | undefined;
}

export interface OutsideSettings {
  proxies: Readonly<Partial<Record<ProxyKind, Proxy>>>;
  /** Addresses by host name. */
  resolve: ReadonlyMap<string, readonly string[]>;
  /** In PEM, each maybe several certificates. */
  authorities: readonly string[];
  inspection: readonly string[];
  /** `sha256/…` by host name. */
  pins: ReadonlyMap<string, string>;
}

/** No proxies, no names but those of DNS, public authorities only. */
export const nothingOutside: OutsideSettings = {
  proxies: {},
  resolve: new Map(),
  authorities: [],
  inspection: [],
  pins: new Map(),
};

/** Every agent gets them in one frame. */
const maxPemBytes = 1024 * 1024;

const schemes: Readonly<Record<ProxyKind, { protocols: readonly string[]; port: number; example: string }>> =
  {
    http: { protocols: ["http:"], port: 3128, example: "http://proxy.example.com:3128" },
    socks5: { protocols: ["socks5:", "socks5h:"], port: 1080, example: "socks5://proxy.example.com:1080" },
  };

/** `readText` gives the content of a file that the cluster file names, or undefined where it cannot be read. */
export function readOutside(
  source: SourceDocument<Static<typeof OutsideSchema>>,
  readText: (path: string) => string | undefined,
  problems: Problem[],
): OutsideSettings {
  const { proxies = {}, resolve = {}, trust, pins = {} } = source.value;
  let pemBytes = 0;
  const pemOf = (pointer: string, files: string | readonly string[] | undefined): string[] =>
    [files ?? []].flat().flatMap((path, index) => {
      const pem = certificatesIn(readText(path) ?? "");
      pemBytes += pem?.length ?? 0;
      if (pem !== undefined && pemBytes <= maxPemBytes) return [pem];
      const at = Array.isArray(files) ? `${pointer}/${index}` : pointer;
      const message =
        pem === undefined
          ? `cannot read certificates in PEM from ${path}`
          : `${path} makes more than ${maxPemBytes} bytes of certificates: name those that endpoints have`;
      problems.push(source.problem(at, message));
      return [];
    });
  const resolved = Object.entries(resolve).map(([name, addresses]): [string, string[]] => {
    const at = `/resolve/${name}`;
    if (parseHost(name)?.host !== name || familyOf(name) !== undefined)
      problems.push(source.problem(at, `${name} is no host name in lower case`, true));
    const good = [addresses].flat().filter((address) => familyOf(address) !== undefined);
    if (good.length !== [addresses].flat().length)
      problems.push(
        source.problem(at, `must be IPv4 or IPv6 addresses; found ${[addresses].flat().join(", ")}`),
      );
    return [name, good.map(canonicalAddress)];
  });
  // A pin that is looked for under another name would be none.
  for (const name of Object.keys(pins))
    if (parseHost(name)?.host !== name)
      problems.push(source.problem(`/pins/${name}`, `${name} is no host name in lower case`, true));
  return {
    proxies: Object.fromEntries(
      (["http", "socks5"] as const).flatMap((kind) => {
        const entry = proxies[kind];
        const proxy = entry === undefined ? undefined : readProxy(source, kind, entry, readText, problems);
        return proxy === undefined ? [] : [[kind, proxy]];
      }),
    ),
    resolve: new Map(resolved),
    authorities: pemOf("/trust", trust),
    inspection: pemOf("/proxies/inspection", proxies.inspection),
    pins: new Map(Object.entries(pins)),
  };
}

/** These alone, since a file may hold a private key as well; undefined where there is none, or one that is none. */
function certificatesIn(text: string): string | undefined {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const isWhole = found.length > 0 && found.length === text.split("-----BEGIN CERTIFICATE-----").length - 1;
  return isWhole && found.every(isCertificate) ? found.map((pem) => `${pem}\n`).join("") : undefined;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function readProxy(
  source: SourceDocument<Static<typeof OutsideSchema>>,
  kind: ProxyKind,
  entry: Static<typeof ProxySchema>,
  readText: (path: string) => string | undefined,
  problems: Problem[],
): Proxy | undefined {
  const at = `/proxies/${kind}`;
  const { url: text, credentials: path } = typeof entry === "string" ? { url: entry } : entry;
  const { protocols, port, example } = schemes[kind];
  const url = URL.parse(text);
  const host = url === null ? undefined : parseHost(url.hostname);
  const portText = explicitPort(text);
  const isSensible = url !== null && protocols.includes(url.protocol) && portText !== "0";
  if (!isSensible || host === undefined) {
    problems.push(source.problem(at, `must be a URL such as ${example}`));
    return undefined;
  }
  if (url.username !== "" || url.password !== "") {
    const message =
      "put user:password into a file and name it: {url: …, credentials: FILE}; a cluster file is no place for secrets";
    problems.push(source.problem(at, message));
    return undefined;
  }
  const secret = path === undefined ? undefined : readText(path)?.replace(/\r?\n$/, "");
  const colon = secret?.indexOf(":") ?? -1;
  if (path !== undefined && (secret === undefined || colon < 1 || controls.test(secret))) {
    problems.push(source.problem(`${at}/credentials`, `cannot read user:password on one line from ${path}`));
    return undefined;
  }
  return {
    host: host.host,
    port: portText === "" ? port : Number(portText),
    credentials:
      secret === undefined ? undefined : { user: secret.slice(0, colon), password: secret.slice(colon + 1) },
  };
}

/** RFC 7617 section 2: neither of the two has any. */
const controls = /[\x00-\x1f\x7f]/;

/** Empty where there is none. Of `http` URLs leave port 80 out, which is not what no port means here. */
function explicitPort(url: string): string {
  return URL.parse(url.replace(/^[^:]*:/, "proxy:"))?.port ?? "";
}
