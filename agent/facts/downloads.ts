/**
 * How fast a node downloads from a server that the user names: the way out of the cluster, as far as the server and
 * the network between allow. Certificates are not verified, since nothing is sent, kept or believed.
 */
import { once } from "node:events";
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { familyOf, formatEndpoint, parseHost } from "../../shared/addresses.ts";
import { formatDuration } from "../../shared/duration.ts";
import type { RouteName } from "../../shared/names.ts";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { discard, ReceivingWindow, type StreamLimits } from "../protocols/bulk-flow.ts";
import { printable } from "../protocols/services/exchange.ts";

export type Download = NodeFacts["downloads"][number];

export interface DownloadLimits extends StreamLimits {
  /** Until the answer begins. */
  timeoutMs: number;
}

export const downloadLimits: DownloadLimits = {
  timeoutMs: 5_000,
  warmUpMs: 500,
  durationMs: 3_000,
  maxBytes: 500e6,
};

export interface DownloadProxy {
  host: string;
  port: number;
  user?: string;
  password?: string;
}

export interface DownloadDependencies {
  /** Takes every download where there is one. */
  proxy: DownloadProxy | undefined;
  /** The addresses of a name. Rejects with the code of the resolver. */
  resolve: (host: string, signal: AbortSignal) => Promise<readonly string[]>;
  /**
   * Why this address may not be dialled for the host; undefined where it may. Without an address the host is
   * behind the proxy, which resolves and dials itself.
   */
  refusal: (host: string, port: number, address: string | undefined) => Promise<string | undefined>;
}

/** What a figure is worth less than. */
const leastElapsedMs = 200;
const maxDetail = 200;
const maxUrl = 2_000;

/** Resolves also where it failed, with the reason in `detail`: then nothing was measured, or less than is needed. */
export async function measureDownload(
  url: string,
  limits: DownloadLimits,
  deps: DownloadDependencies,
  signal: AbortSignal,
): Promise<Download> {
  const route: RouteName = deps.proxy === undefined ? "direct" : "http";
  const download = (found: Omit<Download, "url" | "route">): Download => {
    const { detail } = found;
    return {
      url: url.slice(0, maxUrl),
      route,
      ...found,
      ...(detail === undefined ? {} : { detail: printable(detail).slice(0, maxDetail) }),
    };
  };
  const place = readUrl(url);
  if (typeof place === "string") return download({ bytes: 0, elapsedMs: 0, detail: place });
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limits.timeoutMs);
  const opened: ClientRequest[] = [];
  try {
    const response = await begin(place, deps, opened, AbortSignal.any([signal, late.signal]));
    // The signal is the requests' own: after this they last as long as the body does.
    clearTimeout(timer);
    if (response.statusCode !== 200)
      return download({ bytes: 0, elapsedMs: 0, detail: refusedWith(response) });
    return download(await receive(response, limits, signal));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = signal.aborted
      ? "it was given up"
      : late.signal.aborted
        ? `no answer within ${formatDuration(limits.timeoutMs)}`
        : (code ?? message);
    const through =
      deps.proxy === undefined ? "" : ` through ${formatEndpoint(deps.proxy.host, deps.proxy.port)}`;
    const detail = `cannot download from ${place.url.host}${through}: ${why}`;
    return download({ bytes: 0, elapsedMs: 0, detail });
  } finally {
    clearTimeout(timer);
    for (const request of opened) request.destroy();
  }
}

interface Place {
  url: URL;
  /** Without the brackets of an address. */
  host: string;
  port: number;
  isSecure: boolean;
}

function readUrl(text: string): Place | string {
  const url = URL.parse(text);
  const host = url === null ? undefined : parseHost(url.hostname)?.host;
  if (url === null || host === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    return "this is no URL of http or https";
  if (url.username !== "" || url.password !== "")
    return "the URL has a user or a password in it: name a file that needs none";
  const isSecure = url.protocol === "https:";
  return { url, host, port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port), isSecure };
}

/** Resolves when the answer begins. What it opens goes into `opened`. */
async function begin(
  { url, host, port, isSecure }: Place,
  deps: DownloadDependencies,
  opened: ClientRequest[],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { proxy } = deps;
  if (proxy !== undefined) {
    const refusal = await deps.refusal(host, port, undefined);
    if (refusal !== undefined) throw new Error(refusal);
  }
  const first = proxy ?? { host, port };
  const address = await permittedAddress(first, deps, signal);
  const headers = { host: url.host, "accept-encoding": "identity", connection: "close" };
  const toFirst = { host: address, port: first.port, agent: false, signal } as const;
  const secured = {
    rejectUnauthorized: false,
    ...(familyOf(host) === undefined ? { servername: host } : {}),
  };
  const path = `${url.pathname}${url.search}`;
  const open = (request: ClientRequest): ClientRequest => {
    // Whoever waits for it hears of it; after that it has served its purpose.
    opened.push(request.on("error", () => {}));
    return request.end();
  };
  if (proxy === undefined) {
    const request = isSecure
      ? httpsRequest({ ...toFirst, ...secured, path, headers })
      : httpRequest({ ...toFirst, path, headers });
    return answerOf(open(request), signal);
  }
  const credentials = authorization(proxy);
  if (!isSecure) {
    const absolute = {
      ...toFirst,
      path: `http://${url.host}${path}`,
      headers: { ...headers, ...credentials },
    };
    return answerOf(open(httpRequest(absolute)), signal);
  }
  const authority = formatEndpoint(host, port);
  const connecting = httpRequest({
    ...toFirst,
    method: "CONNECT",
    path: authority,
    headers: { host: authority, ...credentials },
  });
  const tunnelled = once(connecting, "connect", { signal }) as Promise<[IncomingMessage, Duplex]>;
  open(connecting);
  const [answer, socket] = await tunnelled;
  if (answer.statusCode !== 200) {
    socket.destroy();
    throw new Error(`the proxy answers ${answer.statusCode} ${answer.statusMessage}`);
  }
  // An option of tls.connect, to which https passes all it gets.
  const throughTunnel = { socket, agent: false, signal, ...secured, path, headers } as const;
  return answerOf(open(httpsRequest(throughTunnel)), signal);
}

async function answerOf(request: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const [response] = (await once(request, "response", { signal })) as [IncomingMessage];
  return response;
}

/** Of the host that is dialled. */
async function permittedAddress(
  { host, port }: { host: string; port: number },
  { resolve, refusal }: DownloadDependencies,
  signal: AbortSignal,
): Promise<string> {
  const addresses = familyOf(host) === undefined ? await resolve(host, signal) : [host];
  let refused = "it has no address";
  for (const address of addresses) {
    const why = await refusal(host, port, address);
    if (why === undefined) return address;
    refused = why;
  }
  throw new Error(refused);
}

function authorization({ user, password }: DownloadProxy): { "proxy-authorization"?: string } {
  if (user === undefined) return {};
  const token = Buffer.from(`${user}:${password ?? ""}`).toString("base64");
  return { "proxy-authorization": `Basic ${token}` };
}

function refusedWith({ statusCode, statusMessage, headers }: IncomingMessage): string {
  const answer = `it answers HTTP ${statusCode} ${statusMessage}`;
  return headers.location === undefined ? answer : `${answer}; name the place itself: ${headers.location}`;
}

/** Counts the body until it ends, or its time is up. */
function receive(
  response: IncomingMessage,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<Omit<Download, "url" | "route">> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const window = new ReceivingWindow(limits, startedAt);
    let total = 0;
    const finish = (): void => {
      const now = performance.now();
      end();
      const figure = window.figure(now);
      if (!response.complete || figure.elapsedMs >= leastElapsedMs) return resolve(figure);
      // All that came, since little or nothing of it was behind the warm-up.
      const elapsedMs = now - startedAt;
      const detail = `the file ended after ${formatDuration(elapsedMs)}: name a larger one`;
      resolve({ bytes: total, elapsedMs, detail });
    };
    const fail = (error: Error): void => {
      end();
      reject(error);
    };
    const abort = (): void => fail(new Error("it was given up"));
    const timer = setTimeout(finish, limits.warmUpMs + limits.durationMs);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      response.socket.off("data", discard);
      response.off("data", take).destroy();
    }
    function take(chunk: Buffer): void {
      const bytes = discard(chunk);
      total += bytes;
      if (window.take(bytes, performance.now())) finish();
    }
    // After the parser, which has passed on all of it by then.
    response.socket.on("data", discard);
    signal.addEventListener("abort", abort, { once: true });
    response.on("data", take).once("end", finish).on("error", fail);
  });
}
