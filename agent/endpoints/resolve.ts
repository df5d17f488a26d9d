/**
 * What a name means on this node: the answer that a product on it gets, which is that of the system's resolver
 * (/etc/nsswitch.conf, /etc/hosts, DNS). Only where there is none is each name server asked by itself, to tell who
 * said what.
 */
import { getServers, promises as dns } from "node:dns";
import { setTimeout as sleep } from "node:timers/promises";
import { canonicalAddress, familyOf, isLoopback } from "../../shared/addresses.ts";
import type { EndpointReport } from "../../shared/endpoint-report.ts";
import { printable } from "../protocols/services/exchange.ts";

export interface Resolution extends NonNullable<EndpointReport["resolution"]> {
  /** Those of the addresses that may be asked for at all. */
  usable: readonly string[];
}

export interface ResolverDependencies {
  /** Of the system: rejects with its code (`ENOTFOUND`, `EAI_AGAIN`). */
  lookup: (host: string) => Promise<string[]>;
  /** The name servers of this node, each maybe with a port. */
  servers: () => string[];
}

export const systemResolver: ResolverDependencies = {
  lookup: async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address),
  servers: getServers,
};

/** As long as glibc waits for one name server. */
const lookupMs = 5_000;
/** A name server asked by itself. */
const askMs = 2_000;
const maxServers = 10;
const maxServersAsked = 4;
const maxAddresses = 64;
/** The system's resolver blocks one of the four threads of libuv; the files of this process need one, too. */
const maxLookups = 3;

/** Resolves each name once. */
export class NodeResolver {
  readonly #deps: ResolverDependencies;
  readonly #known = new Map<string, Promise<Resolution>>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(deps: ResolverDependencies = systemResolver) {
    this.#deps = deps;
  }

  resolve(host: string, signal: AbortSignal): Promise<Resolution> {
    let known = this.#known.get(host);
    if (known === undefined) {
      known = this.#resolve(host, signal);
      this.#known.set(host, known);
    }
    return known;
  }

  async #resolve(host: string, signal: AbortSignal): Promise<Resolution> {
    const startedAt = performance.now();
    const resolvers = this.#deps.servers().slice(0, maxServers);
    const found = await this.#lookUp(host, signal);
    const about = { resolvers, elapsedMs: performance.now() - startedAt };
    if (Array.isArray(found)) return { ...about, ...sift(found) };
    if (signal.aborted) return { ...about, addresses: [], usable: [], code: found.code };
    const said = await Promise.all(
      resolvers.slice(0, maxServersAsked).map((each) => ask(each, host, signal)),
    );
    // With all threads held by other names, this one was never looked up: the name servers have the word.
    const addresses = found.wasAsked ? [] : said.flatMap((each) => each.addresses);
    if (addresses.length > 0) return { ...about, ...sift(addresses) };
    const detail = printable(said.map(({ server, text }) => `${server}: ${text}`).join("; "));
    return { ...about, addresses: [], usable: [], code: found.code, ...(detail === "" ? {} : { detail }) };
  }

  /** Addresses, or the code. A lookup cannot be taken back: it holds its thread until the system gives up. */
  async #lookUp(host: string, signal: AbortSignal): Promise<string[] | { code: string; wasAsked: boolean }> {
    let wasAsked = false;
    const looking = this.#withThread(() => {
      wasAsked = true;
      return this.#deps.lookup(host);
    }).catch((error: NodeJS.ErrnoException) => ({ code: error.code ?? error.name, wasAsked: true }));
    const over = new AbortController();
    const deadline = sleep(lookupMs, undefined, { signal: AbortSignal.any([signal, over.signal]) })
      .catch(() => {})
      .then(() => ({ code: "ETIMEOUT", wasAsked }));
    const found = await Promise.race([looking, deadline]);
    over.abort();
    return found;
  }

  async #withThread<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#running >= maxLookups) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

/** What the cluster file gives for a name, if anything. */
export function givenFor(
  host: string,
  resolve: Readonly<Record<string, readonly string[]>> = {},
): readonly string[] | undefined {
  return Object.hasOwn(resolve, host) ? resolve[host] : undefined;
}

/** The addresses that the cluster file gives. */
export function givenAddresses(addresses: readonly string[]): Resolution {
  const known = addresses.filter((address) => familyOf(address) !== undefined);
  const all = [...new Set(known.map(canonicalAddress))].slice(0, maxAddresses);
  return { resolvers: ["cluster file"], addresses: all, usable: all, elapsedMs: 0 };
}

/** Some name servers answer for what they block with an address of nobody. */
function sift(found: readonly string[]): Pick<Resolution, "addresses" | "usable" | "code" | "detail"> {
  const plain = found.map((address) => address.split("%")[0]!).filter((each) => familyOf(each) !== undefined);
  const addresses = [...new Set(plain.map(canonicalAddress))].slice(0, maxAddresses);
  const usable = addresses.filter((address) => !isSinkhole(address));
  if (addresses.length === 0) return { addresses, usable, code: "ENODATA" };
  if (usable.length === addresses.length) return { addresses, usable };
  const sinks = addresses.filter(isSinkhole).join(", ");
  const detail = printable(`${sinks}: an address of nobody, as name servers give it for what they block`);
  return { addresses, usable, ...(usable.length === 0 ? { code: "ESINKHOLE" } : {}), detail };
}

function isSinkhole(address: string): boolean {
  return (
    isLoopback(address) || /^(0\.|169\.254\.)/.test(address) || address === "::" || /^fe[89ab]/.test(address)
  );
}

/** What one name server says of a name, without the system between. */
async function ask(
  server: string,
  host: string,
  signal: AbortSignal,
): Promise<{ server: string; addresses: string[]; text: string }> {
  const resolver = new dns.Resolver({ timeout: askMs, tries: 1 });
  const cancel = (): void => resolver.cancel();
  const timer = setTimeout(cancel, askMs);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    resolver.setServers([server]);
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    const codes = answers.flatMap((answer) =>
      answer.status === "rejected" ? ((answer.reason as NodeJS.ErrnoException).code ?? "ERROR") : [],
    );
    return { server, addresses, text: addresses.length > 0 ? addresses.join(", ") : wordsFor(codes) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cancel);
  }
}

/** Of the two questions (A and AAAA), the code that says more. */
function wordsFor(codes: readonly string[]): string {
  const code = codes.find((each) => each !== "ENODATA") ?? "ENODATA";
  return code === "ETIMEOUT" || code === "ECANCELLED" ? `no answer in ${askMs / 1_000} s` : code;
}
