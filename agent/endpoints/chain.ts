/**
 * Whose authority stands at the end of a certificate chain. OpenSSL says whether a chain is good, and not by
 * which of several authorities, nor by which one it would be if it had not expired.
 */
import type { X509Certificate } from "node:crypto";

/** As deep as OpenSSL's default goes is far more than chains are. */
const maxDepth = 10;

/**
 * The certificates from the first one of `chain`, which the far end sent, up to one of `anchors`, linked by names,
 * signatures, and the right to sign certificates; undefined where there is no such way. Dates do not matter.
 */
export function pathTo(
  chain: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): X509Certificate[] | undefined {
  const leaf = chain[0];
  return leaf === undefined ? undefined : climb([leaf], chain, anchors);
}

function climb(
  path: X509Certificate[],
  sent: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): X509Certificate[] | undefined {
  const top = path.at(-1)!;
  if (anchors.some(({ fingerprint256 }) => fingerprint256 === top.fingerprint256)) return path;
  const anchor = anchors.find((each) => hasSigned(each, top));
  if (anchor !== undefined) return [...path, anchor];
  if (path.length >= maxDepth) return undefined;
  for (const next of sent) {
    if (path.includes(next) || !hasSigned(next, top)) continue;
    const found = climb([...path, next], sent, anchors);
    if (found !== undefined) return found;
  }
  return undefined;
}

function hasSigned(issuer: X509Certificate, certificate: X509Certificate): boolean {
  if (!issuer.ca || issuer.subject !== certificate.issuer) return false;
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false; // a kind of key that OpenSSL does not know
  }
}

/** The code of OpenSSL where one of them is not valid at that time. */
export function dateFault(path: readonly X509Certificate[], now: Date): string | undefined {
  const at = now.getTime();
  if (path.some(({ validToDate }) => !(validToDate.getTime() >= at))) return "CERT_HAS_EXPIRED";
  if (path.some(({ validFromDate }) => !(validFromDate.getTime() <= at))) return "CERT_NOT_YET_VALID";
  return undefined;
}
