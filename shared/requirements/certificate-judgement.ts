/** What a certificate that was seen is worth, for the property that a requirement is about. */
import type { TlsFacts } from "../endpoint-report.ts";
import { verdictOf, type Reason, type Verdict } from "../names.ts";

/** A certificate that a node was shown or shows, or why there is none. */
export type Seen = { node: string; at: string } & (
  | {
      tls: TlsFacts;
      /** Under which name it was dialled; undefined on a node's own port, where the user says which names count. */
      dialled: string | undefined;
    }
  | { why: string }
);

export interface CertificateExpectation {
  key: string | undefined;
  /** Part of the issuer's name, or `self-signed`. */
  issuer: string | undefined;
  /** One of these must be a name of the certificate, where it was not dialled by name. */
  names: readonly string[];
  expiryMs: number;
  now: Date;
}

export interface Judged {
  verdict: Verdict;
  reason: Reason;
  actual: string;
}

export function judgeCertificate(seen: Seen, expectation: CertificateExpectation): Judged {
  if ("why" in seen) return judged("never-probed", `no certificate was seen: ${seen.why}`);
  if (expectation.key === "validity") return judgeValidity(seen, expectation);
  if (expectation.key === "issuer") return judgeIssuer(seen.tls, expectation.issuer);
  return judged("met", `issued by ${issuerOf(seen.tls)}`);
}

/** On all nodes alike: the same key with the same dates, as the commonest of them. */
export function judgeSameness(all: readonly Seen[]): (seen: Seen) => Judged {
  const identities = all.flatMap((seen) => ("tls" in seen ? [identityOf(seen.tls)] : []));
  const groups = [...Map.groupBy(identities, (each) => each).values()].toSorted(
    (a, b) => b.length - a.length,
  );
  const usual = groups[0]?.[0];
  return (seen) => {
    if ("why" in seen) return judged("never-probed", `no certificate was seen: ${seen.why}`);
    const { key } = seen.tls;
    if (identityOf(seen.tls) === usual && groups.length === 1) return judged("met", key);
    return judged("unmet", `${key}; there are ${groups.length} different certificates`);
  };
}

function identityOf({ key, notAfter, subject }: TlsFacts): string {
  return `${key} ${notAfter} ${subject}`;
}

const unknownAuthority = "which no trusted authority stands for";

function judgeIssuer(tls: TlsFacts, issuer: string | undefined): Judged {
  const actual = `issued by ${issuerOf(tls)}`;
  if (issuer === "self-signed") return judged(tls.selfSigned ? "met" : "unmet", actual);
  const isExpected =
    issuer === undefined || tls.issuers.join("; ").toLowerCase().includes(issuer.toLowerCase());
  // Whoever makes a certificate writes what he likes into it: a name counts where an authority stands for it.
  if (tls.trust === "none") return judged("unmet", `${actual}, ${unknownAuthority}`);
  return judged(isExpected && tls.trust !== "inspection" ? "met" : "unmet", actual);
}

function judgeValidity(
  { tls, dialled }: Extract<Seen, { tls: TlsFacts }>,
  { names, expiryMs, now }: CertificateExpectation,
): Judged {
  const until = `valid until ${new Date(tls.notAfter).toISOString()}`;
  const authority = `issued by ${issuerOf(tls)}`;
  if (tls.notAfter <= now.getTime() || tls.code === "CERT_NOT_YET_VALID")
    return judged("unmet", tls.code === "CERT_NOT_YET_VALID" ? "not valid yet" : until);
  if (tls.trust === "inspection") return judged("unmet", `${authority}, who opens TLS on the way`);
  if (tls.trust === "none") return judged("unmet", `${authority}, ${unknownAuthority}`);
  const isForeign =
    dialled === undefined ? names.length > 0 && !names.some((name) => covers(tls, name)) : isMisnamed(tls);
  if (isForeign)
    return judged(
      "unmet",
      `for ${tls.names.join(", ") || tls.subject}, not for ${dialled ?? names.join(" or ")}`,
    );
  // A node's own port is not dialled by name, so that the name's code says nothing there.
  if (tls.code !== undefined && !isMisnamed(tls)) return judged("unmet", `not accepted: ${tls.code}`);
  if (tls.notAfter - now.getTime() < expiryMs) return judged("expiring", until);
  const unasked =
    dialled === undefined && names.length === 0 ? "; for which name it has to be is not known" : "";
  return judged("met", `${authority}, ${until}${unasked}`);
}

function isMisnamed({ code }: TlsFacts): boolean {
  return code === "ERR_TLS_CERT_ALTNAME_INVALID";
}

/** RFC 6125, section 6.4.3: an asterisk stands for one whole label, the leftmost. */
function covers({ names }: TlsFacts, host: string): boolean {
  return names.some((name) => {
    const pattern = name.toLowerCase().replace(/^dns:/, "");
    if (!pattern.startsWith("*.")) return pattern === host;
    const dot = host.indexOf(".");
    return dot > 0 && host.slice(dot) === pattern.slice(1);
  });
}

function issuerOf({ issuers, selfSigned }: TlsFacts): string {
  const name = issuers[0] ?? "nobody";
  return selfSigned ? `itself (${name})` : name;
}

function judged(reason: Reason, actual: string): Judged {
  return { verdict: verdictOf(reason), reason, actual };
}
