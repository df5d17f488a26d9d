/**
 * Sends one message over HTTP or HTTPS. No redirect is followed and certificates are verified; of the answer
 * only its status, its Retry-After and a few words are read. Nothing that is said of it names the path of the URL.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { getCACertificates } from "node:tls";
import { formatEndpoint } from "../../shared/addresses.ts";
import type { Proxy } from "../../shared/outside.ts";

export interface Receiver {
  url: string;
  /** An HTTP proxy to go through. */
  way: Proxy | undefined;
  /** Authorities in PEM, besides the public ones. */
  authorities: readonly string[];
}

/** A status, or why there is none. */
export type Answer =
  | { status: number; retryAfter: string | undefined; words: string }
  | { status: undefined; problem: string };

/** From the first packet to the status. */
const timeoutMs = 15_000;
const mostWords = 1_000;

export async function post(
  { url: text, way, authorities }: Receiver,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  const url = new URL(text);
  const isSecure = url.protocol === "https:";
  const proxyEnv = way === undefined ? {} : { proxyEnv: proxyEnvOf(way) };
  const agent = isSecure ? new HttpsAgent(proxyEnv) : new HttpAgent(proxyEnv);
  const deadline = AbortSignal.timeout(timeoutMs);
  const options = {
    method: "POST",
    agent,
    signal: AbortSignal.any([signal, deadline]),
    headers: { ...headers, "content-length": `${Buffer.byteLength(body)}` },
    ...(authorities.length === 0 ? {} : { ca: [...getCACertificates("default"), ...authorities] }),
  };
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = isSecure ? httpsRequest(url, options) : httpRequest(url, options);
      request.once("response", resolve).once("error", reject);
      request.end(body);
    });
    const words = await wordsOf(response);
    return { status: response.statusCode!, retryAfter: response.headers["retry-after"], words };
  } catch (error) {
    const problem = deadline.aborted ? `no answer within ${timeoutMs / 1_000} s` : whyOf(error);
    return { status: undefined, problem: oneLine(problem) };
  } finally {
    agent.destroy();
  }
}

/** The beginning of what the receiver says; what comes after that, or goes wrong with it, does not matter. */
async function wordsOf(response: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const chunk of response) {
      text += (chunk as Buffer).toString("utf8");
      if (text.length >= mostWords) break;
    }
  } catch {
    // The status has come.
  } finally {
    response.destroy();
  }
  return oneLine(text);
}

function whyOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return whyOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** Text of others, for a line of a log. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, mostWords);
}

function proxyEnvOf({ host, port, credentials }: Proxy): Record<string, string> {
  const login =
    credentials === undefined
      ? ""
      : `${encodeURIComponent(credentials.user)}:${encodeURIComponent(credentials.password)}@`;
  const url = `http://${login}${formatEndpoint(host, port)}`;
  return { HTTP_PROXY: url, HTTPS_PROXY: url };
}
