/** An agent of a watched cluster that joins over a real link and tells what a test wants it to have seen. */
import { EventEmitter, once } from "node:events";
import { Link } from "../../agent/link.ts";
import { createKeyPair } from "../../shared/key-pair.ts";
import { parseJoinString } from "../../shared/join-string.ts";
import { countPorts, readPorts } from "../../shared/ports.ts";
import type {
  AgentMessage,
  CoordinatorMessage,
  ListenerExceptions,
  WelcomeMessage,
} from "../../shared/wire.ts";
import type { OddGroup, PinglistMessage, SweepMessage } from "../../shared/watch-wire.ts";

const patienceMs = 10_000;

export class SimulatedAgent implements AsyncDisposable {
  readonly name: string;
  readonly heard: CoordinatorMessage[] = [];
  readonly #events = new EventEmitter();
  #link!: Link;
  #seq = 0;
  /** Answers of orders to look again: what is odd then, of all or of some of the targets. */
  odd: OddGroup[] | ((targets: ReadonlySet<number>) => OddGroup[]) = [];

  /** What else it says to what it hears. */
  answers: (message: CoordinatorMessage) => AgentMessage[] = () => [];

  private constructor(name: string) {
    this.name = name;
  }

  /** Resolves when it has its pinglist. */
  static async join(
    name: string,
    joinString: string,
    { exceptions = [], seq = 0 }: { exceptions?: ListenerExceptions[]; seq?: number } = {},
  ): Promise<SimulatedAgent> {
    const agent = new SimulatedAgent(name);
    agent.#seq = seq;
    const join = parseJoinString(joinString);
    const never = new AbortController().signal;
    agent.#link = await Link.open(join, (message) => agent.#hear(message, exceptions), Math.random, never);
    await agent.say({
      type: "hello",
      node: name,
      token: join.token,
      version: "simulated",
      host: "simulated",
      pid: 1,
      publicKey: createKeyPair().publicKey,
    });
    await agent.until((message) => message.type === "pinglist");
    return agent;
  }

  get pinglist(): PinglistMessage {
    return this.heard.findLast((message) => message.type === "pinglist")!;
  }

  /** Nodes that are not to be probed, by the last word. */
  get absent(): readonly number[] {
    const told = this.heard.findLast(({ type }) => type === "pinglist" || type === "absent");
    return told?.type === "absent" ? told.nodes : this.pinglist.absent;
  }

  say(message: AgentMessage): Promise<void> {
    return this.#link.send(message);
  }

  /** One sweep in which all is well but for what `parts` says; resolves when it is acknowledged. */
  async sweep(parts: Partial<SweepMessage> = {}): Promise<void> {
    const { plan, to } = this.pinglist;
    const seq = ++this.#seq;
    await this.say({
      type: "sweep",
      origin: `origin-${this.name}`,
      seq,
      plan,
      late: false,
      probes: to.length,
      rtt: Buffer.alloc(to.length, 43).toString("base64"),
      odd: [],
      agoMs: 5,
      tookMs: 5,
      skipped: [...this.absent],
      cut: "",
      fullSweepMs: 0,
      stalledMs: 0,
      ...parts,
    });
    await this.until((message) => message.type === "ack" && message.seq >= seq);
  }

  /** The first message like this, whether it has come already or is still to come. */
  async until(isIt: (message: CoordinatorMessage) => boolean): Promise<CoordinatorMessage> {
    const signal = AbortSignal.timeout(patienceMs);
    for (;;) {
      const found = this.heard.find(isIt);
      if (found !== undefined) return found;
      await once(this.#events, "heard", { signal });
    }
  }

  /** `clean` says goodbye first. */
  async leave(clean: boolean): Promise<void> {
    if (clean) await this.say({ type: "bye", reason: "stopped" });
    this.#link.close("stopped");
    await this.#link.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave(false);
  }

  #hear(message: CoordinatorMessage, exceptions: ListenerExceptions[]): void {
    this.heard.push(message);
    if (message.type === "welcome" || message.type === "assign") this.#listen(message, exceptions);
    if (message.type === "look")
      void this.say({
        type: "sightings",
        look: message.look,
        answers: message.questions.map(() => ({ saw: "", mute: "", absent: "" })),
        stalledMs: 0,
        longestStallMs: 0,
      });
    if (message.type === "again")
      void this.say({
        type: "again",
        again: message.again,
        plan: message.plan,
        odd:
          typeof this.odd === "function"
            ? this.odd(new Set(message.targets.map(({ target }) => target)))
            : this.odd,
        agoMs: 5,
        tookMs: 5,
      });
    for (const answer of this.answers(message)) void this.say(answer);
    this.#events.emit("heard");
  }

  #listen({ listeners }: Pick<WelcomeMessage, "listeners">, exceptions: ListenerExceptions[]): void {
    const all = listeners.reduce((sum, { ports }) => sum + countPorts(readPorts(ports)!), 0);
    const others = exceptions.reduce((sum, { ports }) => sum + countPorts(readPorts(ports)!), 0);
    void this.say({ type: "listening", round: 0, bound: all - others, elapsedMs: 1, exceptions });
  }
}
