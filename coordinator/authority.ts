/**
 * The run's own certificate authority. It lives as long as the coordinator; its public key is the pin in
 * the join string, and every probe between nodes that uses TLS is verified against it.
 */
import "reflect-metadata"; // @peculiar/x509 resolves its parsers through it
import { createHash, createPrivateKey, createPublicKey, randomBytes, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  X509Certificate,
} from "@peculiar/x509";

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };
const signing = { name: "ECDSA", hash: "SHA-256" };
const dayMs = 86_400_000;
/** Clocks of freshly installed hosts are off: a certificate must not be from the future there. */
const backdateMs = dayMs;

export interface ServerIdentity {
  cert: string;
  key: string;
}

/** Secret. Both in PEM. */
export interface KeptAuthority {
  certificate: string;
  privateKey: string;
  lifetimeMs: number;
}

export class Authority {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: X509Certificate;
  readonly #lifetimeMs: number;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: X509Certificate, lifetimeMs: number) {
    this.#keys = keys;
    this.#certificate = certificate;
    this.#lifetimeMs = lifetimeMs;
  }

  static async create(now: Date, lifetimeMs = 30 * dayMs): Promise<Authority> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: "CN=Portmesh run authority",
      notBefore: new Date(now.getTime() - backdateMs),
      notAfter: new Date(now.getTime() + lifetimeMs),
      keys,
      signingAlgorithm: signing,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    return new Authority(keys, certificate, lifetimeMs);
  }

  /** An authority that was kept. @throws where the texts are not what `export` gave. */
  static async load({ certificate, privateKey, lifetimeMs }: KeptAuthority): Promise<Authority> {
    const parsed = new X509Certificate(certificate);
    const pkcs8 = createPrivateKey(privateKey).export({ type: "pkcs8", format: "der" });
    const [publicKey, secret] = await Promise.all([
      parsed.publicKey.export(keyAlgorithm, ["verify"]),
      webcrypto.subtle.importKey("pkcs8", pkcs8, keyAlgorithm, true, ["sign"]),
    ]);
    return new Authority({ publicKey, privateKey: secret }, parsed, lifetimeMs);
  }

  /** All of it, the private key included. */
  async export(): Promise<KeptAuthority> {
    const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", this.#keys.privateKey);
    return {
      certificate: this.certificatePem,
      privateKey: pem("PRIVATE KEY", Buffer.from(pkcs8)),
      lifetimeMs: this.#lifetimeMs,
    };
  }

  get certificatePem(): string {
    return `${this.#certificate.toString("pem")}\n`;
  }

  /** SHA-256 of the public key (SPKI), base64url: what an agent compares before it says anything secret. */
  get pin(): string {
    return createHash("sha256").update(Buffer.from(this.#certificate.publicKey.rawData)).digest("base64url");
  }

  /** A certificate for a key that somebody else keeps, for both ends of TLS. `publicKey` is SPKI in PEM. */
  async certify(publicKey: string, name: string, now: Date): Promise<string> {
    const spki = createPublicKey(publicKey).export({ type: "spki", format: "der" });
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: `CN=${name}`,
      issuer: this.#certificate.subject,
      notBefore: new Date(now.getTime() - backdateMs),
      notAfter: new Date(now.getTime() + this.#lifetimeMs),
      publicKey: new PublicKey(spki),
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signing,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
      ],
    });
    return `${certificate.toString("pem")}\n`;
  }

  /** Key and certificate for the coordinator's own server; the chain ends with the pinned authority. */
  async serverIdentity(name: string, now: Date): Promise<ServerIdentity> {
    const keys = await generateKeys();
    const spki = Buffer.from(await webcrypto.subtle.exportKey("spki", keys.publicKey));
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
    const cert = await this.certify(pem("PUBLIC KEY", spki), name, now);
    return { cert: cert + this.certificatePem, key: pem("PRIVATE KEY", pkcs8) };
  }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
}

/** 64 random bits, positive (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(8);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function pem(label: string, der: Buffer): string {
  return `-----BEGIN ${label}-----\n${der.toString("base64").replace(/.{64}/g, "$&\n").trimEnd()}\n-----END ${label}-----\n`;
}
