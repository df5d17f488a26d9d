/**
 * The port for people, scripts and Prometheus: API, metrics, health and the page. It is another one than the agents',
 * because browsers and scrapers know nothing of the authority of a cluster.
 */
import swagger from "@fastify/swagger";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { formatEndpoint } from "../../shared/addresses.ts";
import { cannotListen } from "../cannot-listen.ts";
import type { Metrics } from "../metrics.ts";
import type { ClusterView } from "../watch/cluster-view.ts";
import type { ReportRenderers } from "../watch/watch-report.ts";
import type { WatchCoordinator } from "../watch/watch-coordinator.ts";
import { guard, type Access } from "./access.ts";
import { compress } from "./compress.ts";
import { nothingThere } from "./methods.ts";
import { servePage } from "./page.ts";
import { asProblem, tellProblems } from "./problems.ts";
import { eventRoutes } from "./routes/events.ts";
import { historyRoutes } from "./routes/history.ts";
import { matrixRoutes } from "./routes/matrix.ts";
import { nodeRoutes } from "./routes/nodes.ts";
import { outsideRoutes } from "./routes/outside.ts";
import { pathRoutes } from "./routes/paths.ts";
import { reportRoutes } from "./routes/report.ts";

export interface HttpConfig {
  host: string;
  /** 0 chooses a free one. */
  port: number;
  /** The path of a Unix socket to listen on instead, to which somebody leads from that address. */
  socket?: string;
  /** Certificate and key in PEM; plain HTTP without them. */
  tls: { cert: string; key: string } | undefined;
  access: Access;
  version: string;
  /** A request failed for a reason that is ours. */
  defect: (error: unknown) => void;
}

/** What routes are made of. */
export interface ApiContext {
  coordinator: WatchCoordinator;
  view: ClusterView;
  version: string;
  renderers: ReportRenderers;
}

export interface RunningHttp extends AsyncDisposable {
  /** `http://127.0.0.1:7718` */
  url: string;
}

const closeMs = 2_000;

/** @throws PortmeshError where the address cannot be listened on. */
export async function startHttp(
  config: HttpConfig,
  parts: Omit<ApiContext, "version">,
  metrics: Metrics,
): Promise<RunningHttp> {
  const app = fastify({
    ...(config.tls === undefined ? {} : { https: { ...config.tls, minVersion: "TLSv1.2" as const } }),
    logger: false,
    // Fastify turns Node's own limit off unless one is given.
    requestTimeout: 30_000,
    connectionTimeout: 0,
    keepAliveTimeout: 10_000,
    bodyLimit: 64 * 1024,
    routerOptions: { maxParamLength: 100 },
    forceCloseConnections: true,
    frameworkErrors: (error, _request, reply) => {
      const { status, problem } = asProblem(error);
      void (reply as FastifyReply).code(status).send(problem);
    },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: false } },
  }) as unknown as FastifyInstance;
  app.setErrorHandler((error, _request, reply) => {
    const { status, problem } = asProblem(error);
    if (status === 500) config.defect(error);
    void reply.code(status).send(problem);
  });
  nothingThere(app);
  compress(app);
  guard(app, config.access, config.tls !== undefined);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Portmesh",
        description: "What a Portmesh coordinator knows of the cluster that it watches.",
        version: "v1",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: {
        securitySchemes: {
          token: {
            type: "http",
            scheme: "bearer",
            description: "Needed where the coordinator was started with --token-file.",
          },
        },
      },
      security: [{}, { token: [] }],
    },
  });
  const { view } = parts;
  const context: ApiContext = { ...parts, version: config.version };
  await app.register(
    async (api) => {
      tellProblems(api);
      matrixRoutes(api, context);
      pathRoutes(api, context);
      nodeRoutes(api, context);
      outsideRoutes(api, context);
      historyRoutes(api, context);
      eventRoutes(api, context);
      reportRoutes(api, context);
      api.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
    },
    { prefix: "/api/v1" },
  );
  servePage(app);
  app.get("/healthz", { schema: { hide: true } }, () => ({ status: "ok" }));
  app.get("/readyz", { schema: { hide: true } }, (_request, reply) => {
    const problem = view.problem;
    if (problem === undefined) return { status: "ok" };
    return reply.code(503).send({ status: "failing", problem });
  });
  app.get("/metrics", { schema: { hide: true } }, async (_request, reply) => {
    void reply.header("content-type", metrics.contentType);
    return metrics.text();
  });
  try {
    await app.listen(
      config.socket === undefined ? { host: config.host, port: config.port } : { path: config.socket },
    );
  } catch (error) {
    throw cannotListen(config, "--http", error);
  }
  const port = config.socket === undefined ? (app.server.address() as AddressInfo).port : config.port;
  const scheme = config.tls === undefined ? "http" : "https";
  return {
    url: `${scheme}://${formatEndpoint(config.host === "0.0.0.0" ? "127.0.0.1" : config.host, port)}`,
    async [Symbol.asyncDispose]() {
      await Promise.race([app.close(), sleep(closeMs, undefined, { ref: false })]);
    },
  };
}
