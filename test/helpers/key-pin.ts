/** The pin of a certificate's key, as the cluster file has it and curl's --pinnedpubkey: RFC 7469 section 2.4. */
import { createHash, X509Certificate } from "node:crypto";

/** Of the first certificate in the text (PEM). */
export function keyPinOf(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return `sha256/${createHash("sha256").update(spki).digest("base64")}`;
}
