/** Authorities and certificates of every sort, also of the sorts that no authority should sign. */
import "reflect-metadata"; // @peculiar/x509 resolves its parsers through it
import { randomBytes, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { familyOf } from "../../shared/addresses.ts";

const dayMs = 86_400_000;
const signing = { name: "ECDSA", hash: "SHA-256" };

export interface TestAuthority {
  pem: string;
  name: string;
  keys: webcrypto.CryptoKeyPair;
}

export interface TestIdentity {
  /** The certificate alone. */
  pem: string;
  /** As a server is started with: the chain without its root. */
  cert: string;
  key: string;
}

interface Wish {
  /** Into the subject. */
  name: string;
  /** Host names and addresses. */
  hosts?: readonly string[];
  /** In days from now. */
  validFrom?: number;
  validUntil?: number;
  /** Whether it may sign others. */
  mayIssue?: boolean;
  /** Without a word on what the key is for. */
  saysNoUse?: boolean;
}

async function make(
  wish: Wish,
  issuer?: TestAuthority,
): Promise<{ pem: string; keys: webcrypto.CryptoKeyPair }> {
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const { name, hosts = [], validFrom = -30, validUntil = 30, mayIssue = false, saysNoUse = false } = wish;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: `40${randomBytes(7).toString("hex")}`,
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: new Date(Date.now() + validFrom * dayMs),
    notAfter: new Date(Date.now() + validUntil * dayMs),
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(mayIssue, undefined, true),
      ...(saysNoUse
        ? []
        : [
            new KeyUsagesExtension(
              mayIssue ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature,
              true,
            ),
          ]),
      new SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: familyOf(value) === undefined ? "dns" : "ip", value })),
      ),
    ],
  });
  return { pem: `${certificate.toString("pem")}\n`, keys };
}

/** A root, or what another authority has signed. */
export async function makeAuthority(
  name: string,
  issuer?: TestAuthority,
  wish: Partial<Wish> = {},
): Promise<TestAuthority> {
  return { name, ...(await make({ name, mayIssue: true, ...wish }, issuer)) };
}

/** A server's key and certificate; `between` are sent along. Without an issuer it signs itself. */
export async function makeIdentity(
  wish: Omit<Wish, "name">,
  issuer?: TestAuthority,
  between: readonly TestAuthority[] = [],
): Promise<TestIdentity> {
  const { pem, keys } = await make({ name: wish.hosts?.[0] ?? "server", ...wish }, issuer);
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { pem, cert: [pem, ...between.map((each) => each.pem)].join(""), key };
}
