/** A certificate authority of the tests: it issues what a test needs, also what no honest one would. */
import "reflect-metadata"; // @peculiar/x509 resolves its parsers through it
import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const signing = { name: "ECDSA", hash: "SHA-256" };
export const dayMs = 86_400_000;

/** In PEM. */
export interface Identity {
  /** The server's own certificate first, its authority's behind it. */
  cert: string;
  key: string;
}

export interface Lifetime {
  notBefore?: Date;
  notAfter?: Date;
}

export class LabAuthority {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: X509Certificate, keyPem: string) {
    this.#keys = keys;
    this.#certificate = certificate;
    this.certificatePem = `${certificate.toString("pem")}\n`;
    this.keyPem = keyPem;
  }

  /** `subject` is a distinguished name: `CN=Amazon RSA 2048 M02, O=Amazon`. */
  static async create(subject: string): Promise<LabAuthority> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: subject,
      ...lifetimeOf({}),
      keys,
      signingAlgorithm: signing,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    return new LabAuthority(keys, certificate, await exportKey(keys));
  }

  /** A server's certificate for these names and addresses, the first of them its subject, and its key. */
  async issue(names: readonly string[], lifetime: Lifetime = {}): Promise<Identity> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      // A common name has at most 64 characters (RFC 5280, appendix A.1); who verifies looks at the others.
      subject: `CN=${names[0]!.slice(0, 64)}`,
      issuer: this.#certificate.subject,
      ...lifetimeOf(lifetime),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signing,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
        ),
      ],
    });
    return { cert: `${certificate.toString("pem")}\n${this.certificatePem}`, key: await exportKey(keys) };
  }
}

/** From yesterday to in a year. */
function lifetimeOf({ notBefore, notAfter }: Lifetime): Required<Lifetime> {
  const now = Date.now();
  return {
    notBefore: notBefore ?? new Date(now - dayMs),
    notAfter: notAfter ?? new Date(now + 365 * dayMs),
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function exportKey({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, "$&\n").trimEnd()}\n-----END PRIVATE KEY-----\n`;
}

/** 64 random bits, positive (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(8);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}
