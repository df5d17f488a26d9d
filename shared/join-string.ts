/**
 * What an agent needs in order to join: where the coordinator is, which key it has, and a token. One line
 * of text, `pmj1.` and base64url JSON, so that it can be pasted or shipped as a file.
 */
import { PortmeshError } from "./errors.ts";

export interface JoinString {
  cluster: string;
  /** `host:port` or `[v6]:port`, to be tried in this order. */
  addresses: readonly string[];
  /** SHA-256 of the coordinator authority's public key (SPKI), base64url. */
  pin: string;
  /** Good for the names of the cluster's nodes, once each. */
  token: string;
  /** Peers that pass a connection on to the coordinator, `host:port`, for who cannot reach it. */
  relays?: readonly string[];
}

export const joinStringPrefix = "pmj1.";
/** A join string stays one line that can be pasted. */
export const maxRelays = 16;

export function formatJoinString(join: JoinString): string {
  const { cluster, addresses, pin, token, relays } = join;
  const fields = { c: cluster, a: addresses, p: pin, t: token, ...(relays?.length ? { r: relays } : {}) };
  return joinStringPrefix + Buffer.from(JSON.stringify(fields)).toString("base64url");
}

/** @throws PortmeshError that says what is wrong without repeating the secret. */
export function parseJoinString(text: string): JoinString {
  const trimmed = text.trim();
  if (!trimmed.startsWith(joinStringPrefix)) throw malformed(`it does not begin with ${joinStringPrefix}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(trimmed.slice(joinStringPrefix.length), "base64url").toString("utf8"));
  } catch {
    throw malformed("it is cut off or altered");
  }
  const { c, a, p, t, r = [] } = (value ?? {}) as Record<string, unknown>;
  const isText = (field: unknown): field is string => typeof field === "string" && field !== "";
  if (!isText(c) || !isText(p) || !isText(t) || !Array.isArray(a) || a.length === 0 || !a.every(isText)) {
    throw malformed("a part is missing");
  }
  if (!Array.isArray(r) || r.length > maxRelays || !r.every(isText))
    throw malformed("its relays make no sense");
  return { cluster: c, addresses: a, pin: p, token: t, ...(r.length === 0 ? {} : { relays: r }) };
}

function malformed(why: string): PortmeshError {
  return new PortmeshError("usage", `the join string cannot be read: ${why}`, {
    next: "Copy the whole line that the coordinator wrote to its join file.",
  });
}
