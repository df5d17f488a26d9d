/**
 * The registry of agents: the port on which they join, their sessions, and who is there. What they say beside
 * that is put to whoever runs the check or watches the cluster.
 */
import { hostname, networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { formatEndpoint } from "../shared/addresses.ts";
import { formatJoinString } from "../shared/join-string.ts";
import { certificateName, coordinatorName } from "../shared/link.ts";
import { relaysOf } from "../shared/relays.ts";
import type { Plan } from "../shared/plan.ts";
import type { AgentMessage, CoordinatorMessage, HelloMessage, ListeningMessage } from "../shared/wire.ts";
import { AgentSession, type SessionEvents } from "./agent-session.ts";
import { Membership, type Member, type Refusal } from "./membership.ts";
import type { RunIdentity } from "./run-identity.ts";
import { startServer, type RunningServer } from "./server.ts";
import { wireAssignment } from "./wire-plan.ts";

export interface RegistryConfig {
  plan: Plan;
  host: string;
  /** 0 chooses a free one. */
  port: number;
  /** Host names or addresses for the join string; undefined takes what is listened on. */
  advertise: readonly string[] | undefined;
  identity: RunIdentity;
  /** Agents leave ports alone on which they have met a service. */
  respectServices: boolean;
  now: () => Date;
}

/** What agents say once they have joined, but for what they hold. */
export type ReportMessage = Exclude<AgentMessage, HelloMessage | ListeningMessage | { type: "bye" }>;

export interface RegistryEvents {
  joined: (member: Member) => void;
  /** `isBack`: it had not said what it holds since it joined. */
  listening: (member: Member, isBack: boolean) => void;
  /** Returns what was wrong with the message, if anything: the agent is let go then. */
  message: (member: Member, message: ReportMessage) => string | undefined;
  lost: (member: Member, isClean: boolean) => void;
  /** Another agent asked for a name that is taken. */
  conflict?: (node: string, hello: HelloMessage) => void;
  /** Of the round that is under way. */
  round: () => number;
}

/** For the goodbye to reach agents that are still there. */
const finishMs = 2_000;

export class Registry implements AsyncDisposable {
  readonly #config: RegistryConfig;
  readonly #events: RegistryEvents;
  readonly #sessions = new Map<number, AgentSession>();
  readonly membership: Membership;
  #plan: Plan;
  #server: RunningServer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(config: RegistryConfig, events: RegistryEvents) {
    this.#config = config;
    this.#events = events;
    this.#plan = config.plan;
    this.membership = new Membership(config.plan, config.identity.token, () => performance.now());
  }

  /** @throws PortmeshError where the address cannot be listened on. */
  static async start(config: RegistryConfig, events: RegistryEvents): Promise<Registry> {
    const registry = new Registry(config, events);
    const { authority } = config.identity;
    registry.#server = await startServer({
      host: config.host,
      port: config.port,
      identity: await authority.serverIdentity(coordinatorName, config.now()),
      onAgent: (socket, settled) => new AgentSession(socket, registry.#sessionEvents(), settled),
    });
    return registry;
  }

  /** One line that lets the agents of this plan join. */
  get joinString(): string {
    const { host, port } = this.#server!;
    const { identity, advertise } = this.#config;
    const hosts = advertise ?? advertisedHosts(host);
    return formatJoinString({
      cluster: this.#plan.cluster,
      addresses: hosts.map((each) => formatEndpoint(each, port)),
      pin: identity.authority.pin,
      token: identity.token,
      relays: relaysOf(this.#plan),
    });
  }

  get address(): string {
    return formatEndpoint(this.#server!.host, this.#server!.port);
  }

  send(node: number, message: CoordinatorMessage): void {
    this.#sessions.get(node)?.send(message);
  }

  /** The same to everybody who listens. */
  broadcast(message: CoordinatorMessage): void {
    const text = JSON.stringify(message);
    for (const { node } of this.membership.ready) this.#sessions.get(node)?.sendText(text);
  }

  /** Resolves with true once every node has an agent with its listeners open, with false when the time is up. */
  async everyoneIsListening(waitMs: number, signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + waitMs;
    while (this.membership.missing.length > 0) {
      if (performance.now() >= deadline || signal.aborted) return false;
      await sleep(pollMs, undefined, { signal }).catch(() => {});
    }
    return true;
  }

  /**
   * Goes by another plan from now on: who is no node of it is told so and let go, everybody else gets its
   * new place and ports over the link that is there.
   */
  reassign(plan: Plan): void {
    this.#plan = plan;
    const sessions = new Map(
      Array.from(this.#sessions, ([node, session]) => [this.membership.member(node), session]),
    );
    const removed = this.membership.reassign(plan);
    this.#sessions.clear();
    for (const [member, session] of sessions) {
      if (member === undefined) continue;
      if (removed.has(member)) {
        void session.finish("this node is no longer in the cluster file");
        continue;
      }
      this.#sessions.set(member.node, session);
      const { node, nodes, listeners } = wireAssignment(plan, plan.nodes[member.node]!);
      session.send({ type: "assign", node, nodes, listeners });
    }
  }

  /** Lets an agent go that is to come back at once. */
  dismiss(node: number): void {
    this.#sessions.get(node)?.dismiss();
  }

  /** Tells every agent that its work is over, and waits a moment for each to hear it. */
  async finish(reason: string): Promise<void> {
    const ended = Array.from(this.#sessions.values(), (session) => session.finish(reason));
    await Promise.race([Promise.all(ended), sleep(finishMs)]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= Promise.resolve(this.#server?.[Symbol.asyncDispose]()));
  }

  #sessionEvents(): SessionEvents {
    return {
      join: async (hello, session) => {
        const member = this.membership.admit(hello);
        if ("code" in member) {
          if (member.code === "name-in-use" || member.code === "token-used")
            this.#events.conflict?.(hello.node, hello);
          return member;
        }
        const certificate = await this.#certify(hello);
        // Meanwhile the plan may have changed, or the same agent may have come over another link.
        if (this.membership.member(member.node) !== member) return this.#overtaken(hello.node);
        if (certificate === undefined) {
          this.membership.left(member);
          return {
            code: "bad-message",
            message: "the public key cannot be read",
            next: "Use an agent of the same version.",
          };
        }
        const welcome = this.#welcome(member, certificate);
        this.#sessions.get(member.node)?.replace();
        this.#sessions.set(member.node, session);
        this.#events.joined(member);
        return { member, welcome };
      },
      message: (member, message) => {
        if (message.type !== "listening") return this.#events.message(member, message);
        const isBack = member.listening === undefined;
        const problem = this.membership.reportListening(member, message);
        if (problem === undefined) this.#events.listening(member, isBack);
        return problem;
      },
      ended: (member, how) => {
        // One whose node is no longer in the plan has no place to be missed from.
        if (this.membership.member(member.node) !== member) return;
        const isClean = how === "clean";
        this.membership.lost(member, how === "silence" ? how : "close");
        // Who never heard its welcome has no session to come back with.
        if (isClean || how === "unheard") this.membership.left(member);
        this.#events.lost(member, isClean);
      },
    };
  }

  /** Undefined where the key cannot be read. */
  async #certify({ node, publicKey }: HelloMessage): Promise<string | undefined> {
    const { identity, now } = this.#config;
    try {
      return await identity.authority.certify(publicKey, certificateName(node), now());
    } catch {
      return undefined;
    }
  }

  #overtaken(node: string): Refusal {
    return this.#plan.nodes.some(({ name }) => name === node)
      ? {
          code: "name-in-use",
          message: `another link of the agent of ${node} was opened after this one`,
          next: "Nothing is to be done where that agent runs once; otherwise stop one of them.",
        }
      : {
          code: "unknown-node",
          message: `the node ${JSON.stringify(node)} is no longer in the cluster file`,
          next: "Stop this agent, or put its node back.",
        };
  }

  #welcome(member: Member, certificate: string): CoordinatorMessage {
    const { identity, respectServices } = this.#config;
    return {
      type: "welcome",
      session: member.session,
      ...wireAssignment(this.#plan, this.#plan.nodes[member.node]!),
      epoch: identity.epoch,
      certificate,
      authority: identity.authority.certificatePem,
      respectServices,
      round: this.#events.round(),
    };
  }
}

const pollMs = 100;

/** What agents elsewhere can dial when everything is listened on: every address of this host but loopback. */
function advertisedHosts(host: string): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [host];
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? [])
      .filter(
        ({ internal, address, family }) =>
          !internal && !address.startsWith("fe80:") && (host === "::" || family === "IPv4"),
      )
      .map(({ address }) => address),
  );
  return addresses.length > 0 ? addresses : [hostname()];
}
