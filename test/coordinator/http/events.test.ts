/** The live feed: what happens comes as it happens, again after a break, and never piles up for who does not read. */
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { LiveEvents } from "../../../shared/api.ts";
import { allWell, join, serve, watchedNodes, type Served } from "../../helpers/watch-coordinator.ts";
import { silentOf } from "../../helpers/watch-fixtures.ts";

t.setTimeout(60_000);

interface Heard {
  id: string | undefined;
  event: string;
  data: unknown;
}

/** A client that reads, until it is out of scope. */
class Listener implements Disposable {
  readonly heard: Heard[] = [];
  readonly #request: ClientRequest;
  #rest = "";

  static async open(served: Served, headers: Record<string, string> = {}): Promise<Listener> {
    const { hostname, port } = new URL(served.http.url);
    const asking = request({ hostname, port, path: "/api/v1/events", headers, agent: false });
    asking.end();
    const [response] = (await once(asking, "response")) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`${response.statusCode}`);
    return new Listener(asking, response);
  }

  private constructor(asking: ClientRequest, response: IncomingMessage) {
    this.#request = asking;
    asking.on("error", () => {});
    response.on("error", () => {});
    response.on("data", (chunk: Buffer) => this.#feed(chunk.toString()));
  }

  /** The first like this. */
  async until(isIt: (heard: Heard) => boolean): Promise<Heard> {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const found = this.heard.find(isIt);
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`heard ${JSON.stringify(this.heard)}`);
      await sleep(10);
    }
  }

  get lastId(): string {
    return this.heard.findLast(({ id }) => id !== undefined)!.id!;
  }

  [Symbol.dispose](): void {
    this.#request.destroy();
  }

  #feed(text: string): void {
    const parts = (this.#rest + text).split("\n\n");
    this.#rest = parts.pop()!;
    for (const part of parts) {
      const lines = part.split("\n").filter((line) => !line.startsWith(":"));
      const field = (name: string): string | undefined =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const event = field("event");
      if (event !== undefined)
        this.heard.push({ id: field("id"), event, data: JSON.parse(field("data")!) as unknown });
    }
  }
}

const textOf = ({ data }: Heard): string => (data as LiveEvents["happening"]).text;

t.test("what happens is told at once, and counts follow", async (t) => {
  await using served = await serve(t.testdir());
  const agents = await join(watchedNodes, served);
  using listener = await Listener.open(served);
  t.match(listener.heard[0] ?? (await listener.until(() => true)), { event: "status", id: String });
  await allWell(agents);
  await listener.until(
    ({ event, data }) => event === "status" && (data as LiveEvents["status"]).paths.pass === 12,
  );
  agents[0]!.odd = [silentOf("0", "9001")];
  await agents[0]!.sweep({ odd: agents[0]!.odd });
  const { data } = await listener.until(({ event }) => event === "transitions");
  t.match(data, {
    truncated: 0,
    items: [{ from: "n1", to: "n2", flow: "gossip", after: { verdict: "fail", reason: "dropped" } }],
  });
  for (const agent of agents) await agent.leave(true);
});

t.test("who comes back is told what it missed, or that it missed too much", async (t) => {
  await using served = await serve(t.testdir());
  const happen = (text: string): void => served.coordinator.watch.happened("gap", "n1", text);
  let last: string;
  {
    using listener = await Listener.open(served);
    happen("first");
    await listener.until((heard) => heard.event === "happening" && textOf(heard) === "first");
    last = listener.lastId;
  }
  happen("second");
  happen("third");
  {
    using listener = await Listener.open(served, { "last-event-id": last });
    await listener.until(({ event }) => event === "status");
    happen("fourth");
    await listener.until((heard) => heard.event === "happening" && textOf(heard) === "fourth");
    const texts = listener.heard.filter(({ event }) => event === "happening").map(textOf);
    t.strictSame(texts, ["second", "third", "fourth"], "each once, in their order");
    t.notOk(listener.heard.some(({ event }) => event === "missed"));
    last = listener.lastId;
  }
  for (let count = 0; count < 1_001; count++) happen(`no. ${count}`);
  for (const id of [last, "1-1-7", "another life", `${last}9999`]) {
    using listener = await Listener.open(served, { "last-event-id": id });
    await listener.until(({ event }) => event === "status");
    t.strictSame(
      listener.heard.map(({ event }) => event),
      ["missed", "status"],
      id,
    );
  }
});

t.test("who does not read is let go, and nobody else waits for it", async (t) => {
  await using served = await serve(t.testdir());
  using reader = await Listener.open(served);
  const { hostname, port } = new URL(served.http.url);
  const asking = request({ hostname, port, path: "/api/v1/events", agent: false });
  asking.on("error", () => {});
  asking.end();
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  response.on("error", () => {});
  response.pause();
  const text = "x".repeat(60_000);
  // What the kernel takes for a reader that does not read has an end.
  for (let sent = 0; sent < 400; sent++) {
    served.coordinator.watch.happened("gap", "n1", `${sent} ${text}`);
    await reader.until((heard) => heard.event === "happening" && textOf(heard).startsWith(`${sent} `));
    reader.heard.length = 0;
  }
  const closed = new Promise((resolve) => response.once("close", resolve));
  response.resume();
  await closed;
  t.notOk(response.complete, "it was cut off");
});

t.test("so many listen, and no more", async (t) => {
  await using served = await serve(t.testdir());
  const listeners = await Promise.all(Array.from({ length: 200 }, () => Listener.open(served)));
  t.match(await served.ask("/api/v1/events"), { status: 503, body: { error: "too-many", next: String } });
  listeners[0]![Symbol.dispose]();
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      listeners.push(await Listener.open(served));
      break;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(20);
    }
  }
  t.equal((await served.ask("/healthz")).status, 200);
  for (const listener of listeners) listener[Symbol.dispose]();
});
