/**
 * The coordinator: lets the agents of one plan join, gives each its listeners and pinglist, and collects
 * what they observed, round by round.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { hostname, networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { formatEndpoint, localhostOf } from "../shared/addresses.ts";
import { formatJoinString } from "../shared/join-string.ts";
import { certificateName, coordinatorName } from "../shared/link.ts";
import { relaysOf } from "../shared/relays.ts";
import { countProbes, type Plan, type Target } from "../shared/plan.ts";
import type { CoordinatorMessage, WireService } from "../shared/wire.ts";
import { AgentSession, type SessionEvents } from "./agent-session.ts";
import { Authority } from "./authority.ts";
import { Inquiry } from "./inquiry.ts";
import { Membership, type Member } from "./membership.ts";
import { Observations } from "./observations.ts";
import { ServicePorts } from "./service-ports.ts";
import { startServer, type RunningServer } from "./server.ts";
import { samplesFor, wireAssignment, wireTarget } from "./wire-plan.ts";

export interface CoordinatorConfig {
  plan: Plan;
  host: string;
  /** 0 chooses a free one. */
  port: number;
  /** Host names or addresses for the join string; undefined takes what is listened on. */
  advertise: readonly string[] | undefined;
  /** `budgetMs`: for how long a round may sweep ranges, and for how long it may measure afterwards. */
  probing: { timeoutMs: number; budgetMs: number };
  /** Goes on for good: agents leave ports alone on which they have met a service. */
  continuous: boolean;
}

export interface Progress {
  joined: number;
  listening: number;
  nodes: number;
  missing: readonly string[];
  probesDone: number;
  probes: number;
}

interface CoordinatorEvents {
  /** A node joined, began to listen, reported results, finished or left. */
  progress: [];
  joined: [node: string, member: Member];
  listening: [node: string, member: Member];
  lost: [node: string, clean: boolean];
}

/** No round takes this long; an agent whose link lives and that still owes results then has a defect. */
const roundLimitMs = 30 * 60_000;
const pollMs = 100;
/** What an agent has begun to measure when its time is up comes to an end within this. */
const measureMarginMs = 15_000;
/** A second look may begin a little after it was announced. */
const watchMarginMs = 1_000;
/** For the goodbye to reach agents that are still there. */
const finishMs = 2_000;

export async function startCoordinator(config: CoordinatorConfig, now: () => Date): Promise<Coordinator> {
  const authority = await Authority.create(now());
  const identity = await authority.serverIdentity(coordinatorName, now());
  return Coordinator.start(config, authority, identity, now);
}

export class Coordinator extends EventEmitter<CoordinatorEvents> implements AsyncDisposable {
  readonly #config: CoordinatorConfig;
  readonly #authority: Authority;
  readonly #now: () => Date;
  readonly #epoch = { id: randomBytes(4).readUInt32BE(0), secret: randomBytes(32).toString("base64url") };
  readonly #token = randomBytes(24).toString("base64url");
  readonly #sessions = new Map<number, AgentSession>();
  readonly #targetsByNode: ReadonlyMap<number, Target[]>;
  readonly #services: ServicePorts;
  readonly membership: Membership;
  #server: RunningServer | undefined;
  #round = 0;
  #observations!: Observations;
  #inquiry!: Inquiry;
  /** Nodes that still owe results in the round under way, and when it was told to. */
  readonly #owing = new Map<number, number>();
  /** Nodes that measure their paths. */
  readonly #measuring = new Set<number>();
  #closing: Promise<void> | undefined;

  private constructor(config: CoordinatorConfig, authority: Authority, now: () => Date) {
    super();
    this.#config = config;
    this.#authority = authority;
    this.#now = now;
    this.#startRound();
    this.#targetsByNode = Map.groupBy(config.plan.targets, ({ from }) => from);
    this.#services = new ServicePorts(config.plan);
    this.membership = new Membership(config.plan, this.#token, () => performance.now());
  }

  static async start(
    config: CoordinatorConfig,
    authority: Authority,
    identity: { cert: string; key: string },
    now: () => Date,
  ): Promise<Coordinator> {
    const coordinator = new Coordinator(config, authority, now);
    coordinator.#server = await startServer({
      host: config.host,
      port: config.port,
      identity,
      onAgent: (socket, settled) => new AgentSession(socket, coordinator.#sessionEvents(), settled),
    });
    return coordinator;
  }

  /** One line that lets the agents of this plan join. */
  get joinString(): string {
    const { host, port } = this.#server!;
    const hosts = this.#config.advertise ?? advertisedHosts(host);
    return formatJoinString({
      cluster: this.#config.plan.cluster,
      addresses: hosts.map((each) => formatEndpoint(each, port)),
      pin: this.#authority.pin,
      token: this.#token,
      relays: relaysOf(this.#config.plan),
    });
  }

  get address(): string {
    return formatEndpoint(this.#server!.host, this.#server!.port);
  }

  get observations(): Observations {
    return this.#observations;
  }

  get progress(): Progress {
    const { plan } = this.#config;
    const { done, of } = this.#observations.progress;
    const members = plan.nodes.filter(
      ({ index }) => this.membership.member(index)?.connected === true,
    ).length;
    const listening = this.membership.ready.length;
    return {
      joined: members,
      listening,
      nodes: plan.nodes.length,
      missing: this.membership.missing,
      probesDone: done,
      probes: of,
    };
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
   * Has every ready node run its pinglist against the other ready nodes once. Resolves when all have
   * reported, with what was observed; a node that leaves for good is not waited for. Whether an agent lives
   * is its link's business (see the heartbeat): one that waits for time-outs has nothing to report for long.
   */
  async probe(signal: AbortSignal): Promise<Observations> {
    this.#round++;
    this.#startRound();
    this.#owing.clear();
    for (const { node } of this.membership.ready) this.#order(node);
    while ((this.#owing.size > 0 || this.#inquiry.isOpen) && !signal.aborted) {
      await sleep(pollMs, undefined, { signal }).catch(() => {});
      const now = performance.now();
      this.#inquiry.expire(now);
      for (const [node, orderedAt] of this.#owing) {
        if (!this.membership.isWithinLease(node) || now - orderedAt > roundLimitMs) this.#owing.delete(node);
      }
    }
    this.#owing.clear();
    await this.#measure(signal);
    return this.#observations;
  }

  /** When all is quiet: how good are the paths that work? */
  async #measure(signal: AbortSignal): Promise<void> {
    const { plan, probing } = this.#config;
    const { rttMs } = plan.thresholds;
    const startedAt = performance.now();
    for (const { node } of this.membership.ready) {
      this.#measuring.add(node);
      this.#sessions.get(node)?.send({
        type: "measure",
        round: this.#round,
        timeoutMs: probing.timeoutMs,
        budgetMs: probing.budgetMs,
        samples: samplesFor(plan.thresholds),
        ...(rttMs === undefined ? {} : { rttThresholdMs: rttMs }),
      });
    }
    while (this.#measuring.size > 0 && !signal.aborted) {
      await sleep(pollMs, undefined, { signal }).catch(() => {});
      const isLate = performance.now() - startedAt > probing.budgetMs + measureMarginMs;
      for (const node of this.#measuring)
        if (isLate || this.membership.member(node)?.connected !== true) this.#measuring.delete(node);
    }
    this.#measuring.clear();
  }

  /** How many probes the agents that are ready now will make. */
  get plannedProbes(): number {
    return this.membership.ready.reduce((sum, { node }) => sum + countProbes(this.#pinglist(node)), 0);
  }

  /** Tells every agent that its work is over, and waits a moment for each to hear it. */
  async finish(reason: string): Promise<void> {
    const ended = Array.from(this.#sessions.values(), (session) => session.finish(reason));
    await Promise.race([Promise.all(ended), sleep(finishMs)]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= Promise.resolve(this.#server?.[Symbol.asyncDispose]()));
  }

  #startRound(): void {
    const { plan } = this.#config;
    this.#observations = new Observations(plan);
    this.#inquiry = new Inquiry(plan, this.#observations, (node, message) => {
      const isThere = this.membership.member(node)?.connected === true;
      if (isThere) this.#sessions.get(node)?.send(message);
      return isThere;
    });
  }

  #order(node: number): void {
    const targets = this.#pinglist(node);
    this.#owing.set(node, performance.now());
    this.#sessions.get(node)?.send({
      type: "probe",
      round: this.#round,
      timeoutMs: this.#config.probing.timeoutMs,
      budgetMs: this.#config.probing.budgetMs,
      targets: targets.map((target) => wireTarget(this.#config.plan, target, this.#servicesOn(target))),
    });
  }

  #servicesOn(target: Target): WireService[] {
    // A row that is local to the far host holds its ports there; what serves them may be seen from outside.
    const heldAt = [target.address, localhostOf(target.address)];
    return this.#services.of(target, this.membership.occupiedPorts(target.to, target.transport, heldAt));
  }

  /** Nobody is asked to probe a node where nobody listens: silence there would prove nothing. */
  #pinglist(node: number): Target[] {
    const ready = new Set(this.membership.ready.map((member) => member.node));
    return (this.#targetsByNode.get(node) ?? []).filter(({ to }) => ready.has(to));
  }

  #sessionEvents(): SessionEvents {
    const nameOf = (member: Member): string => this.#config.plan.nodes[member.node]!.name;
    return {
      join: async (hello, session) => {
        const member = this.membership.admit(hello);
        if ("code" in member) return member;
        const welcome = await this.#welcome(member, hello.publicKey);
        if (welcome === undefined) {
          this.membership.left(member);
          return {
            code: "bad-message",
            message: "the public key cannot be read",
            next: "Use an agent of the same version.",
          };
        }
        this.#sessions.get(member.node)?.replace();
        this.#sessions.set(member.node, session);
        this.emit("joined", nameOf(member), member);
        this.emit("progress");
        return { member, welcome };
      },
      listening: (member, message) => {
        const isBack = member.listening === undefined;
        this.membership.reportListening(member, message);
        // It came back in the middle of a round: what it still owes is asked for again. One that has been there
        // all the time and reports again (it gave a port up) goes on with its probes.
        if (isBack) {
          this.#observations.sightings.restarted.add(member.node);
          if (this.#owing.has(member.node)) this.#order(member.node);
        }
        this.emit("listening", nameOf(member), member);
        this.emit("progress");
      },
      results: (member, message) => {
        if (message.round !== this.#round) return undefined;
        const problem = this.#observations.record(member.node, message);
        this.emit("progress");
        return problem;
      },
      quality: (member, message) =>
        message.round === this.#round ? this.#observations.recordQuality(member.node, message) : undefined,
      measured: (member, round) => {
        if (round === this.#round) this.#measuring.delete(member.node);
      },
      doubt: (member, { round, nodes }) => {
        if (round !== this.#round || !this.#owing.has(member.node)) return;
        const forMs = this.#config.probing.timeoutMs + watchMarginMs;
        for (const node of nodes) this.#sessions.get(node)?.send({ type: "watch", forMs });
      },
      sightings: (member, message) => this.#inquiry.answered(member.node, message),
      done: (member, { round, cut, fullSweepMs }) => {
        const orderedAt = this.#owing.get(member.node);
        if (round === this.#round && orderedAt !== undefined) {
          const now = performance.now();
          this.#observations.recordCut(member.node, cut, fullSweepMs);
          this.#inquiry.open(member.node, now - orderedAt, now);
          this.#owing.delete(member.node);
        }
        this.emit("progress");
      },
      ended: (member, how) => {
        const clean = how === "clean";
        this.membership.lost(member, clean ? "close" : how);
        if (clean) this.membership.left(member);
        this.emit("lost", nameOf(member), clean);
        this.emit("progress");
      },
    };
  }

  async #welcome(member: Member, publicKey: string): Promise<CoordinatorMessage | undefined> {
    const { plan } = this.#config;
    const node = plan.nodes[member.node]!;
    let certificate: string;
    try {
      certificate = await this.#authority.certify(publicKey, certificateName(node.name), this.#now());
    } catch {
      return undefined;
    }
    return {
      type: "welcome",
      session: member.session,
      ...wireAssignment(plan, node),
      epoch: this.#epoch,
      certificate,
      authority: this.#authority.certificatePem,
      respectServices: this.#config.continuous,
      round: this.#round,
    };
  }
}

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
