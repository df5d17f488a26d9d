/** What happens, as it happens: server-sent events. A client that does not read is let go, and goes on where it was. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { LiveEvents } from "../../../shared/api.ts";
import type { KeptTransition } from "../../journal/journal.ts";
import type { ApiContext } from "../http-server.ts";
import { ApiError } from "../problems.ts";
import { RecentEvents } from "../recent-events.ts";
import { transitionState } from "../../watch/transition-state.ts";

const maxClients = 200;
/** Of one message: a page that needs more asks for the matrix anew. */
const maxItems = 500;
/** Counts are told at most so often, and at least so often that proxies see a living connection. */
const statusMs = 1_000;
const heartbeatMs = 15_000;
const maxUnsentBytes = 1024 * 1024;
/** For clients that come back. */
const keptEvents = { events: 1_000, characters: 4 * 1024 * 1024 };

export function eventRoutes(api: FastifyInstance, { coordinator, view }: ApiContext): void {
  const clients = new Set<ServerResponse>();
  const recent = new RecentEvents(`${coordinator.startedAt}-${process.pid}`, keptEvents);
  /** What a client that comes back is told again. */
  const send = (name: "transitions" | "happening", data: LiveEvents[typeof name]): void => {
    const text = recent.add(eventText(name, data));
    for (const client of clients) write(client, text);
  };
  const write = (client: ServerResponse, text: string): void => {
    if (client.writableLength > maxUnsentBytes) client.destroy();
    else client.write(text);
  };
  const status = (): LiveEvents["status"] => ({
    now: new Date(coordinator.now()).toISOString(),
    paths: view.counts(),
    endpoints: view.endpointCounts(),
    requirements: view.requirementCounts(),
    agents: view.agentCounts(),
    plan: {
      version: view.watched.version,
      since: new Date(view.watched.since).toISOString(),
      specs: view.plan.specs.map((spec) => ({ ...spec })),
      paths: view.plan.pairs.pathCount,
    },
  });
  let isChanged = false;
  const ticking = setInterval(() => {
    if (!isChanged) return;
    isChanged = false;
    const text = eventText("status", status());
    for (const client of clients) write(client, text);
  }, statusMs);
  const beating = setInterval(
    () => clients.forEach((client) => write(client, ": still there\n\n")),
    heartbeatMs,
  );
  const onTransitions: Parameters<typeof coordinator.on<"transitions">>[1] = (transitions) => {
    isChanged = true;
    const items = transitions.slice(0, maxItems).map((each) => transitionState(0, each, view.plan));
    send("transitions", {
      at: new Date(coordinator.now()).toISOString(),
      plan: view.watched.version,
      items,
      truncated: pathsOf(transitions) - items.length,
    });
  };
  const onHappening: Parameters<typeof coordinator.on<"happening">>[1] = (kind, node, text, at) =>
    send("happening", { id: 0, at: new Date(at).toISOString(), kind, node: node ?? null, text });
  const onChanged = (): void => {
    isChanged = true;
  };
  coordinator.on("transitions", onTransitions).on("happening", onHappening).on("changed", onChanged);
  api.addHook("onClose", () => {
    clearInterval(ticking);
    clearInterval(beating);
    coordinator.off("transitions", onTransitions).off("happening", onHappening).off("changed", onChanged);
    for (const client of clients) client.destroy();
  });

  api.get(
    "/events",
    {
      schema: {
        summary: "What happens, as it happens",
        description: "Server-sent events: `transitions`, `happening`, `status`, `missed`.",
        headers: Type.Object({
          "last-event-id": Type.Optional(
            Type.String({
              maxLength: 100,
              description:
                "What came after the event of that id is sent first, or `missed` where that is not known.",
            }),
          ),
        }),
        response: {
          200: {
            description: "Until the client goes.",
            content: { "text/event-stream": { schema: Type.String() } },
          },
        },
      },
    },
    (request, reply) => {
      if (clients.size >= maxClients)
        throw new ApiError(503, "too-many", `${maxClients} clients listen already`, "Try again later.");
      reply.hijack();
      const client = reply.raw;
      // Headers of the hooks are with the reply, which this goes past.
      client.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
      });
      clients.add(client);
      request.raw.socket.setNoDelay(true);
      client.once("close", () => clients.delete(client));
      client.on("error", () => client.destroy());
      const name = request.headers["last-event-id"];
      const missed = typeof name === "string" ? recent.since(name) : [];
      const first = missed ?? [eventText("missed", { now: new Date(coordinator.now()).toISOString() })];
      write(
        client,
        ["retry: 2000\n", ...first, `id: ${recent.last}\n`, eventText("status", status())].join(""),
      );
    },
  );
}

function eventText<Name extends keyof LiveEvents>(name: Name, data: LiveEvents[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function pathsOf(transitions: readonly KeptTransition[]): number {
  return transitions.reduce((sum, { others }) => sum + 1 + (others?.length ?? 0), 0);
}
