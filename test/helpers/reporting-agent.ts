/**
 * An agent of which only the sweeps are made up: link, backlog and delivery are those of real agents. It comes back
 * whenever its coordinator does, and writes down what was acknowledged.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Link } from "../../agent/link.ts";
import { Backlog, type BacklogLimits, type TellableSweep } from "../../agent/watch/backlog.ts";
import { deliver } from "../../agent/watch/delivery.ts";
import { parseJoinString, type JoinString } from "../../shared/join-string.ts";
import { createKeyPair } from "../../shared/key-pair.ts";
import { countPorts, readPorts } from "../../shared/ports.ts";
import type { GapMessage, OddGroup, PinglistMessage } from "../../shared/watch-wire.ts";
import type { AgentMessage, CoordinatorMessage, WelcomeMessage } from "../../shared/wire.ts";

const retryMs = 5;

type Say = (message: AgentMessage) => Promise<void>;

export class ReportingAgent implements AsyncDisposable {
  readonly name: string;
  readonly backlog: Backlog;
  /** The last that was acknowledged. */
  acked = 0;
  /** Gaps that it declared, by the first that is missing. */
  readonly gaps = new Map<number, GapMessage>();
  /** The version of the plan, once there is a pinglist. */
  pinglist: PinglistMessage | undefined;
  readonly #over = new AbortController();
  readonly #keys = createKeyPair();
  #running: Promise<void> | undefined;
  #odd: OddGroup[] = [];
  #session: string | undefined;

  constructor(name: string, limits?: BacklogLimits, folder?: string) {
    this.name = name;
    this.backlog = new Backlog({ folder, tell: () => {}, ...(limits === undefined ? {} : { limits }) });
  }

  get origin(): string {
    return this.backlog.origin;
  }

  /** Joins, and joins again each time the link ends. */
  run(joinString: string): void {
    this.#running = this.#run(joinString);
  }

  /** A sweep of now, in which all was well but for these, each of one target. */
  sweep(odd: OddGroup[] = []): void {
    const { plan, to } = this.pinglist!;
    this.#odd = odd;
    const found: TellableSweep = {
      plan,
      probes: to.length,
      rtt: Buffer.alloc(to.length, 43).toString("base64"),
      odd,
      tookMs: 0,
      skipped: [],
      cut: "",
      fullSweepMs: 0,
      stalledMs: 0,
    };
    this.backlog.add(found, performance.now(), Date.now());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#running;
    this.backlog[Symbol.dispose]();
  }

  async #run(joinString: string): Promise<void> {
    const { signal } = this.#over;
    const join = parseJoinString(joinString);
    while (!signal.aborted) {
      try {
        await this.#live(join, signal);
      } catch {
        // Nobody is there at the moment.
      }
      await sleep(retryMs, undefined, { signal }).catch(() => {});
    }
  }

  /** One link, from dialling to its end. */
  async #live({ token, ...join }: JoinString, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const link = await Link.open(
      { ...join, token, relays: [] },
      (message) => this.#hear(message, say, over.signal),
      Math.random,
      signal,
    );
    const say: Say = (message) => {
      if (message.type === "gap") this.gaps.set(message.seq, message);
      return link.send(message);
    };
    const leave = (): void => link.close("stopped");
    signal.addEventListener("abort", leave);
    await say({
      type: "hello",
      node: this.name,
      token,
      ...(this.#session === undefined ? {} : { session: this.#session }),
      version: "simulated",
      host: "simulated",
      pid: 1,
      publicKey: this.#keys.publicKey,
    });
    await link.ended;
    signal.removeEventListener("abort", leave);
    over.abort();
  }

  #hear(message: CoordinatorMessage, say: Say, over: AbortSignal): void {
    switch (message.type) {
      case "welcome":
        this.#session = message.session;
        this.#listen(message, say);
        break;
      case "assign":
        this.#listen(message, say);
        break;
      case "pinglist":
        this.pinglist = message;
        void deliver(this.backlog, { send: say }, over);
        break;
      case "ack":
        this.backlog.ack(message.origin, message.seq);
        if (message.origin === this.origin) this.acked = Math.max(this.acked, message.seq);
        break;
      case "look": {
        const answers = message.questions.map(() => ({ saw: "", mute: "", absent: "" }));
        void say({ type: "sightings", look: message.look, answers, stalledMs: 0, longestStallMs: 0 });
        break;
      }
      case "again": {
        const { again, plan } = message;
        const asked = new Set(message.targets.map(({ target }) => `${target}`));
        const odd = this.#odd.filter(({ targets }) => asked.has(targets));
        void say({ type: "again", again, plan, odd, agoMs: 0, tookMs: 0 });
        break;
      }
      default:
    }
  }

  #listen({ listeners }: Pick<WelcomeMessage, "listeners">, say: Say): void {
    const bound = listeners.reduce((sum, { ports }) => sum + countPorts(readPorts(ports)!), 0);
    void say({ type: "listening", round: 0, bound, elapsedMs: 1, exceptions: [] });
  }
}
