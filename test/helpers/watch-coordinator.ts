/** The whole coordinator of a watched cluster, with a real journal, for agents that a test makes up. */
import { request, type IncomingHttpHeaders } from "node:http";
import { startHttp, type HttpConfig, type RunningHttp } from "../../coordinator/http/http-server.ts";
import type { Journal, KeptTransition } from "../../coordinator/journal/journal.ts";
import { openJournal } from "../../coordinator/journal/open-journal.ts";
import { reportRenderers } from "../../cli/views/formats.ts";
import { coordinatorMetrics } from "../../coordinator/metrics.ts";
import { Notifier } from "../../coordinator/notify/notifier.ts";
import { createRunIdentity, type RunIdentity } from "../../coordinator/run-identity.ts";
import { ClusterView } from "../../coordinator/watch/cluster-view.ts";
import { WatchCoordinator } from "../../coordinator/watch/watch-coordinator.ts";
import type { Cluster } from "../../shared/cluster-file.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "./domain-fixtures.ts";
import { SimulatedAgent } from "./simulated-agent.ts";

export const watchedSpec = specOf({
  flows: [flowOf("gossip", { ports: "9000-9002" }), flowOf("web", { ports: 9_443, security: "tls" })],
});
export const watchedNodes = ["n1", "n2", "n3"];
const watchedCluster = clusterOf(watchedSpec, nodesOf(...watchedNodes.map(() => ["peer"])));

export interface Watched extends AsyncDisposable {
  coordinator: WatchCoordinator;
  journal: Journal;
  identity: RunIdentity;
  /** Those that were told. */
  transitions: KeptTransition[];
}

export async function watch(
  folder: string,
  parts: { cluster?: Cluster; identity?: RunIdentity; now?: () => Date; monotonic?: () => number } = {},
): Promise<Watched> {
  const identity = parts.identity ?? (await createRunIdentity(new Date()));
  const now = parts.now ?? ((): Date => new Date());
  const journal = await openJournal({ folder, now: () => now().getTime() });
  const coordinator = await WatchCoordinator.start({
    cluster: parts.cluster ?? watchedCluster,
    host: "127.0.0.1",
    port: 0,
    advertise: undefined,
    identity,
    journal,
    phase: "runtime",
    skip: [],
    now,
    monotonic: parts.monotonic ?? (() => performance.now()),
  });
  const transitions: KeptTransition[] = [];
  coordinator.on("transitions", (each) => transitions.push(...each));
  return {
    coordinator,
    journal,
    identity,
    transitions,
    async [Symbol.asyncDispose]() {
      await coordinator[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}

export function join(names: readonly string[], { coordinator }: Watched): Promise<SimulatedAgent[]> {
  return Promise.all(names.map((name) => SimulatedAgent.join(name, coordinator.joinString)));
}

/** Resolves once each has told that all its paths work. */
export async function allWell(agents: readonly SimulatedAgent[]): Promise<void> {
  // Who came last was told with its pinglist that all are there, and is not told again.
  await Promise.all(agents.map((agent) => agent.until(() => agent.absent.length === 0)));
  await Promise.all(agents.map((agent) => agent.sweep({ skipped: [] })));
}

export interface Served extends Watched {
  view: ClusterView;
  http: RunningHttp;
  /** A request as it is written here, `Host` included. */
  ask(path: string, asked?: Asked): Promise<Answer>;
  /** Of a GET that is to succeed. */
  json<Body>(path: string): Promise<Body>;
}

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  /** Of a body that is JSON. */
  body: unknown;
}

/** With its HTTP port. */
export async function serve(
  folder: string,
  { cluster, access = {} }: { cluster?: Cluster; access?: Partial<HttpConfig["access"]> } = {},
): Promise<Served> {
  const watched = await watch(folder, cluster === undefined ? {} : { cluster });
  const { coordinator } = watched;
  const view = new ClusterView(coordinator);
  const notifier = await Notifier.start({ hooks: [], folder }, coordinator, view);
  const http = await startHttp(
    {
      host: "127.0.0.1",
      port: 0,
      tls: undefined,
      access: { token: undefined, names: [], ...access },
      version: "test",
      defect: () => {},
    },
    { coordinator, view, renderers: reportRenderers },
    coordinatorMetrics(coordinator, view, "test", notifier),
  );
  const ask = (path: string, asked?: Asked): Promise<Answer> => askOf(http.url, path, asked);
  return {
    ...watched,
    view,
    http,
    ask,
    async json<Body>(path: string): Promise<Body> {
      const { status, body } = await ask(path);
      if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
      return body as Body;
    },
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await notifier[Symbol.asyncDispose]();
      await watched[Symbol.asyncDispose]();
    },
  };
}

function askOf(
  url: string,
  path: string,
  { method = "GET", headers = {}, body }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const length = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` };
    const asking = request(
      { hostname, port, path, method, headers: { ...length, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({ status: response.statusCode!, headers: response.headers, bytes, body: parsed(bytes) });
        });
      },
    );
    asking.on("error", reject);
    asking.end(body);
  });
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
