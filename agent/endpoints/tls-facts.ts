/**
 * What TLS shows of a far end: version, certificate, and whose authority vouches for it. Public means the
 * authorities that Mozilla trusts, as Node bundles them: the host's own store is no measure, since the
 * authority of a company's inspecting proxy is usually installed there.
 */
import { createHash, X509Certificate } from "node:crypto";
import { createSecureContext, rootCertificates, type SecureContext, type TLSSocket } from "node:tls";
import type { TlsFacts } from "../../shared/endpoint-report.ts";
import { printable } from "../protocols/services/exchange.ts";
import { dateFault, pathTo } from "./chain.ts";

const maxIssuers = 10;
const maxNames = 20;
const foreignName = "ERR_TLS_CERT_ALTNAME_INVALID";
const unknownIssuer = "UNABLE_TO_GET_ISSUER_CERT_LOCALLY";
const dateCodes = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);

interface Anchors {
  trust: Exclude<TlsFacts["trust"], "none">;
  pems: readonly string[];
  /** Parsed when it is needed for the first time. */
  certificates?: X509Certificate[];
}

/** The authorities that one inspection knows. */
export class Trust {
  readonly #anchors: readonly Anchors[];
  readonly #isPublicOnly: boolean;
  readonly #now: () => Date;
  #context: SecureContext | undefined;

  /** `authorities` and `inspection` in PEM; what cannot be read of them vouches for nobody. */
  constructor(
    { authorities, inspection }: { authorities: readonly string[]; inspection: readonly string[] },
    now: () => Date,
    publicRoots: readonly string[] = rootCertificates,
  ) {
    const own: Anchors[] = [
      { trust: "declared", pems: authorities.flatMap(certificatesIn) },
      { trust: "inspection", pems: inspection.flatMap(certificatesIn) },
    ];
    this.#anchors = [{ trust: "public", pems: publicRoots }, ...own];
    this.#isPublicOnly = own.every(({ pems }) => pems.length === 0);
    this.#now = now;
  }

  /** For the handshake of which the facts are asked: any version, so that an old one can be told. */
  get context(): SecureContext {
    return (this.#context ??= createSecureContext({
      ca: this.#anchors.flatMap(({ pems }) => pems),
      // The user may name the authority that issues, and not the one above it.
      allowPartialTrustChain: true,
      minVersion: "TLSv1",
      ciphers: "DEFAULT:@SECLEVEL=0",
    }));
  }

  /** Of a finished handshake with `context`, whose name was checked unless it was with an address. */
  factsOf(socket: TLSSocket): TlsFacts | undefined {
    const leaf = socket.getPeerX509Certificate();
    if (leaf === undefined) return undefined;
    // A string code, whatever the types say.
    const code = socket.authorized ? undefined : String(socket.authorizationError);
    return describe(chainOf(leaf), socket.getProtocol() ?? "TLS", {
      trust: this.#trustOf(chainOf(leaf), code),
      code,
    });
  }

  /** Of a handshake that the far end broke off after it had shown its chain (DER). */
  factsOfChain(chain: readonly Buffer[], protocol: string, name: string | undefined): TlsFacts | undefined {
    const certificates = chain.slice(0, maxIssuers).flatMap(parse);
    const leaf = certificates[0];
    if (leaf === undefined) return undefined;
    for (const { trust, certificates: anchors } of this.#parsed()) {
      const path = pathTo(certificates, anchors);
      if (path === undefined) continue;
      const isForeign = name !== undefined && leaf.checkHost(name) === undefined;
      const code = dateFault(path, this.#now()) ?? (isForeign ? foreignName : undefined);
      return describe(certificates, protocol, { trust, code });
    }
    return describe(certificates, protocol, { trust: "none", code: unknownIssuer });
  }

  /** OpenSSL has verified the chain against all authorities at once; this tells which of them it leads to. */
  #trustOf(chain: readonly X509Certificate[], code: string | undefined): TlsFacts["trust"] {
    const isVerified = code === undefined || code === foreignName;
    if (isVerified && this.#isPublicOnly) return "public";
    if (!isVerified && !dateCodes.has(code)) return "none";
    const found = this.#parsed().find(({ certificates }) => pathTo(chain, certificates) !== undefined);
    return found?.trust ?? "none";
  }

  #parsed(): { trust: Anchors["trust"]; certificates: readonly X509Certificate[] }[] {
    return this.#anchors.map((each) => ({
      trust: each.trust,
      certificates: (each.certificates ??= each.pems.flatMap(parse)),
    }));
  }
}

function describe(
  chain: readonly X509Certificate[],
  protocol: string,
  { trust, code }: { trust: TlsFacts["trust"]; code: string | undefined },
): TlsFacts {
  const leaf = chain[0]!;
  return {
    protocol,
    trust,
    ...(code === undefined ? {} : { code: printable(code) }),
    subject: flat(leaf.subject),
    // The last one issued itself, which says nothing more.
    issuers: [...new Set(chain.slice(0, maxIssuers).map(({ issuer }) => flat(issuer)))],
    names: namesOf(leaf),
    notAfter: leaf.validToDate.getTime(),
    key: keyOf(leaf),
    selfSigned: isSelfSigned(leaf),
  };
}

/** The chain as it was sent, as far as each certificate names the next as its issuer. */
function chainOf(leaf: X509Certificate): X509Certificate[] {
  const chain = [leaf];
  for (let next = leaf.issuerCertificate; next !== undefined && chain.length < maxIssuers;) {
    if (next.subject !== chain.at(-1)!.issuer) break;
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

/** As HPKP and curl's --pinnedpubkey have it: RFC 7469 section 2.4. */
function keyOf(certificate: X509Certificate): string {
  try {
    const spki = certificate.publicKey.export({ type: "spki", format: "der" });
    return `sha256/${createHash("sha256").update(spki).digest("base64")}`;
  } catch {
    return "of a kind that is not known here";
  }
}

function isSelfSigned(certificate: X509Certificate): boolean {
  try {
    return certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey);
  } catch {
    return false;
  }
}

/** `DNS:a.example, IP Address:10.0.0.1` without the kinds; what needs quotes is no name of a server. */
function namesOf({ subjectAltName }: X509Certificate): string[] {
  return (subjectAltName ?? "")
    .split(", ")
    .flatMap((entry) => /^(?:DNS|IP Address):([^"]+)$/.exec(entry)?.[1] ?? [])
    .slice(0, maxNames)
    .map((name) => printable(name));
}

function flat(name: string | undefined): string {
  return printable((name ?? "").split("\n").join(", "));
}

function certificatesIn(text: string): string[] {
  return (
    text
      .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
      ?.filter((pem) => parse(pem).length > 0) ?? []
  );
}

function parse(certificate: string | Buffer): X509Certificate[] {
  try {
    return [new X509Certificate(certificate)];
  } catch {
    return [];
  }
}
