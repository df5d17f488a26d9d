/** The keys of nodes: an agent makes its own, a plan without a coordinator brings them. */
import { generateKeyPairSync } from "node:crypto";

/** P-256 in PEM: SPKI and PKCS #8. */
export interface KeyPair {
  publicKey: string;
  privateKey: string;
}

export function createKeyPair(): KeyPair {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}
