/** A certificate as an inspecting proxy makes it: right name, valid dates, an authority that nobody here knows. */
import "reflect-metadata"; // @peculiar/x509 resolves its parsers through it
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

export const strangeIssuer = "Lab Inspection CA";

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const signing = { name: "ECDSA", hash: "SHA-256" };
const dayMs = 86_400_000;

export async function strangeIdentity(): Promise<{ cert: string; key: string }> {
  const now = Date.now();
  const lifetime = { notBefore: new Date(now - dayMs), notAfter: new Date(now + dayMs) };
  const [authorityKeys, keys] = await Promise.all([generateKeys(), generateKeys()]);
  const authority = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${strangeIssuer}`,
    ...lifetime,
    keys: authorityKeys,
    signingAlgorithm: signing,
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  const leaf = await X509CertificateGenerator.create({
    subject: "CN=whoever was asked for",
    issuer: authority.subject,
    ...lifetime,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: signing,
    extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "*.node.portmesh" }])],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    cert: `${leaf.toString("pem")}\n${authority.toString("pem")}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}
