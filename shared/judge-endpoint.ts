/**
 * What the findings of one node at one endpoint mean. Nobody of ours is at the far end: the certificate, or an
 * answer in the expected protocol, is the proof. Pure; with `judge` the only place that makes verdicts of outcomes.
 */
import { familyOf } from "./addresses.ts";
import type { EndpointAttempt, EndpointReport, TlsFacts } from "./endpoint-report.ts";
import type { PlannedEndpoint } from "./endpoint-plan.ts";
import { isNeighbourTimeout, ownFault, type Judgement } from "./judge.ts";
import { verdictOf, verdicts, type Reason } from "./names.ts";

export type EndpointExpectation = Pick<
  PlannedEndpoint,
  "anyOf" | "passthrough" | "tlsMinimum" | "issuer" | "supplied" | "security"
> & {
  /** The public key that the certificate must have, `sha256/…`. */
  pin: string | undefined;
  /** A certificate that ends within this is worth a warning. */
  expiryMs: number;
  now: Date;
};

export interface EndpointJudgement extends Judgement {
  /** The attempt that decided. */
  decisive?: EndpointAttempt;
  /** What made the verdict, where the attempt does not say it itself. */
  detail?: string;
}

export function judgeEndpoint(
  expectation: EndpointExpectation,
  report: EndpointReport | undefined,
  agent: "alive" | "gone" | "missing",
): EndpointJudgement {
  if (report === undefined) return judgement(agent === "missing" ? "agent-missing" : "never-probed");
  if (report.attempts.length === 0)
    return report.resolution?.code === undefined
      ? judgement("never-probed")
      : {
          ...judgement("unresolved"),
          ...(report.resolution.detail === undefined ? {} : { detail: report.resolution.detail }),
        };
  const byPort = [...Map.groupBy(report.attempts, ({ port }) => port).values()];
  const ofPorts = byPort.map((attempts) => worst(judgePort(expectation, attempts, report.direct)));
  return expectation.anyOf ? best(ofPorts) : worst(ofPorts);
}

/** One judgement an address that counts. */
function judgePort(
  expectation: EndpointExpectation,
  attempts: readonly EndpointAttempt[],
  direct: EndpointAttempt | undefined,
): EndpointJudgement[] {
  const judged = attempts.map((attempt) => ({
    ...judgeAttempt(expectation, attempt, direct),
    decisive: attempt,
  }));
  // A node without a route for one family is not expected to use it, as long as the other family is there.
  const counting = judged.filter(({ decisive }) => !isWithoutRoute(decisive));
  const families = new Set(counting.map(({ decisive }) => familyOf(decisive.address)));
  const others = judged.filter(
    ({ decisive }) => isWithoutRoute(decisive) && families.has(familyOf(decisive.address)),
  );
  return counting.length === 0 ? judged : [...counting, ...others];
}

function isWithoutRoute({ kind, code }: EndpointAttempt): boolean {
  return kind === "local-error" && code !== undefined && withoutRoute.has(code);
}

/** No route, a route of the type `unreachable`, a family that is switched off, one that the kernel does not have. */
const withoutRoute = new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"]);

function judgeAttempt(
  expectation: EndpointExpectation,
  attempt: EndpointAttempt,
  direct: EndpointAttempt | undefined,
): EndpointJudgement {
  const tls = attempt.tls === undefined ? undefined : judgeTls(expectation, attempt.tls, direct?.tls);
  if (tls?.verdict === "fail") return tls;
  const reason = reasonOf(attempt, expectation);
  if (verdictOf(reason) !== "pass") return judgement(reason);
  return tls ?? judgeUnsecured(expectation, attempt);
}

/** An alert comes in the clear, from anybody on the way, and so does what is said without TLS. */
function judgeUnsecured(expectation: EndpointExpectation, attempt: EndpointAttempt): EndpointJudgement {
  if (!promisesTls(expectation) || isDatagram(attempt)) return judgement("served");
  const what = attempt.phase === "tls" ? "an alert came" : "it answered without TLS";
  return judgement("tls-failed", `${what}, and no certificate that shows whose it is`);
}

function reasonOf(attempt: EndpointAttempt, expectation: EndpointExpectation): Reason {
  const { kind, phase } = attempt;
  if (kind === "local-error") return ownFault(attempt) ?? "impaired";
  if (kind === "unresolved") return "unresolved";
  if (kind === "proxy-refused" || (phase === "proxy" && kind !== "open")) return "proxy-refused";
  const isPastConnect = phase !== "connect" && phase !== "resolve";
  switch (kind) {
    case "open":
      if (isProxysAnswer(attempt, expectation)) return "proxy-refused";
      return isRefusedUpgrade(attempt, expectation) ? "upgrade-refused" : "served";
    case "refused":
    case "reset":
      return isPastConnect ? "app-filtered" : "rejected";
    case "silent":
      return isPastConnect && !isDatagram(attempt) ? "app-filtered" : "dropped";
    case "unreachable":
      return isNeighbourTimeout(attempt) ? "no-route" : "rejected";
    case "wrong-answer":
      return "stranger";
    case "tls-failed":
      return "tls-failed";
    case "upgrade-refused":
      return "upgrade-refused";
  }
}

/** Whatever has no connection to begin with; a ping has not even a port. */
function isDatagram({ exchange, port }: EndpointAttempt): boolean {
  return exchange === "ntp" || exchange === "dns" || port === 0;
}

/** Login wanted, and login to the network wanted: never the word of a host. */
const statusesOfProxies = new Set([407, 511]);
/** Whoever stands between got no answer of the host, or none that it could hand on. */
const statusesOfGateways = new Set([502, 503, 504]);

/** Where somebody may stand between, an answer proves the host only if it is the host's. */
function isProxysAnswer({ status, proxyError, tls }: EndpointAttempt, { pin }: EndpointExpectation): boolean {
  if (status === undefined || isUnopened(tls, pin)) return false;
  if (proxyError !== undefined || statusesOfProxies.has(status)) return true;
  return tls?.trust === "inspection" && statusesOfGateways.has(status);
}

/** Nobody but the host itself can have shown this certificate. */
function isUnopened(tls: TlsFacts | undefined, pin: string | undefined): boolean {
  return tls !== undefined && (tls.trust === "public" || tls.trust === "declared" || tls.key === pin);
}

/**
 * Inside of TLS that nobody opened, whatever the server says to an upgrade without a login is its own word. Where
 * somebody may read along, an upgrade that is not granted may be that somebody's doing.
 */
function isRefusedUpgrade({ exchange, status, tls }: EndpointAttempt, { pin }: EndpointExpectation): boolean {
  const isUpgrade = exchange?.endsWith("websocket") === true;
  if (!isUpgrade || status === undefined || status === 101) return false;
  return !isUnopened(tls, pin);
}

const foreignName = "ERR_TLS_CERT_ALTNAME_INVALID";
const expired = "CERT_HAS_EXPIRED";
const notBegun = "CERT_NOT_YET_VALID";
const expiredAbove = "a certificate above its own in the chain has expired, by the clock of this node";

/** A verdict on the certificate: `served` where nothing is wrong with it. */
function judgeTls(
  expectation: EndpointExpectation,
  tls: TlsFacts,
  direct: TlsFacts | undefined,
): EndpointJudgement {
  const { issuer, tlsMinimum, security, expiryMs, now } = expectation;
  const foreign = judgeIdentity(expectation, tls, direct);
  if (foreign !== undefined) return foreign;
  const issuers = tls.issuers.join("; ");
  const isIssued = issuer === undefined || issuers.toLowerCase().includes(issuer.toLowerCase());
  if (!isIssued && tls.trust !== "inspection")
    return judgement("intercepted", `its certificate is issued by ${issuers}, and ${issuer} is expected`);
  if (security === "mtls" && tls.requestsCertificate === false)
    return judgement("intercepted", "it does not ask for a client certificate, as the endpoint itself does");
  if (tlsMinimum !== undefined && isOlder(tls.protocol, tlsMinimum))
    return judgement("tls-failed", `it speaks ${tls.protocol}, and TLS ${tlsMinimum} is the least`);
  if (promisesTls(expectation) && tls.notAfter - now.getTime() < expiryMs)
    return judgement("expiring", validUntil(tls));
  return judgement("served");
}

/** Whether the certificate is the endpoint's own. Where no TLS was promised, any may be shown, as mail servers do. */
function judgeIdentity(
  { pin, supplied, passthrough, ...expectation }: EndpointExpectation,
  tls: TlsFacts,
  direct: TlsFacts | undefined,
): EndpointJudgement | undefined {
  if (pin !== undefined && tls.key !== pin)
    return judgement("intercepted", `its key is ${tls.key}, and ${pin} was pinned`);
  if (!promisesTls(expectation)) return undefined;
  const { now } = expectation;
  // The code alone would not do: of a chain that leads nowhere OpenSSL says that, and of its dates nothing.
  if (tls.code === expired || tls.notAfter < now.getTime())
    return judgement("tls-failed", tls.notAfter < now.getTime() ? validUntil(tls) : expiredAbove);
  if (tls.code === notBegun)
    return judgement("tls-failed", "its certificate is not valid yet, by the clock of this node");
  if (pin !== undefined) return undefined;
  const issuers = tls.issuers.join("; ");
  if (tls.code === foreignName)
    return judgement("misrouted", `its certificate is for ${tls.names.join(", ") || tls.subject}`);
  if (tls.trust === "inspection" && passthrough)
    return judgement("intercepted", `TLS is opened by ${issuers}, and this endpoint must get it unopened`);
  if (tls.trust !== "none") return undefined;
  const unknown = `its certificate is issued by ${issuers}, which no trusted authority stands for`;
  // The proxy has not opened it, and yet nobody knows whose it is: who stands farther out may open both ways alike.
  if (direct !== undefined && direct.key === tls.key)
    return judgement("tls-failed", `${unknown}; it is the same without the proxy`);
  const than = direct === undefined ? "" : `; without the proxy it is issued by ${direct.issuers.join("; ")}`;
  // The user's own host may have an authority of the user's own, which the cluster file can name.
  return judgement(supplied ? "tls-failed" : "intercepted", `${unknown}${than}`);
}

function promisesTls({ security }: Pick<EndpointExpectation, "security">): boolean {
  return security === "tls" || security === "mtls";
}

function validUntil({ notAfter }: TlsFacts): string {
  return `its certificate is valid until ${new Date(notAfter).toISOString()}`;
}

/** OpenSSL's names: SSLv3, TLSv1, TLSv1.1, TLSv1.2, TLSv1.3. */
function isOlder(protocol: string, minimum: "1.2" | "1.3"): boolean {
  const version = /^TLSv([0-9.]+)$/.exec(protocol)?.[1];
  return version === undefined || Number(version) < Number(minimum);
}

function judgement(reason: Reason, detail?: string): EndpointJudgement {
  return { verdict: verdictOf(reason), reason, ...(detail === undefined ? {} : { detail }) };
}

/** The first of the worst. */
function worst(judged: readonly EndpointJudgement[]): EndpointJudgement {
  return judged.toSorted((a, b) => verdicts.indexOf(b.verdict) - verdicts.indexOf(a.verdict))[0]!;
}

/** Of several that are as bad, one with an answer: what is wrong there is nearer to the end. */
function best(judged: readonly EndpointJudgement[]): EndpointJudgement {
  const distance = ({ verdict, decisive }: EndpointJudgement): number =>
    2 * verdicts.indexOf(verdict) + (decisive?.kind === "open" ? 0 : 1);
  return judged.toSorted((a, b) => distance(a) - distance(b))[0]!;
}
