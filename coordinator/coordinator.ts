/**
 * The coordinator: lets the agents of one plan join, gives each its listeners and pinglist, and collects
 * what they observed, round by round.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { hostname, networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { formatEndpoint } from "../shared/addresses.ts";
import type { Probing } from "../shared/cluster-file.ts";
import { formatJoinString } from "../shared/join-string.ts";
import { certificateName, coordinatorName } from "../shared/link.ts";
import type { OutsideSettings } from "../shared/outside.ts";
import { relaysOf } from "../shared/relays.ts";
import { countProbes, type Plan } from "../shared/plan.ts";
import type { CoordinatorMessage } from "../shared/wire.ts";
import { AgentSession, type SessionEvents } from "./agent-session.ts";
import { Authority } from "./authority.ts";
import { BandwidthMeasurement, type BandwidthProgress } from "./bandwidth.ts";
import { ClockOffsets } from "./clock-offsets.ts";
import { nothingInspected, type Inspected } from "./inspected.ts";
import { isInspected } from "./inspect-order.ts";
import { Inspection } from "./inspection.ts";
import { Membership, type Member } from "./membership.ts";
import type { Observations } from "./observations.ts";
import { Round, type RoundContext } from "./round.ts";
import { ServicePorts } from "./service-ports.ts";
import { startServer, type RunningServer } from "./server.ts";
import { wireAssignment } from "./wire-plan.ts";

export interface CoordinatorConfig {
  plan: Plan;
  host: string;
  /** 0 chooses a free one. */
  port: number;
  /** Host names or addresses for the join string; undefined takes what is listened on. */
  advertise: readonly string[] | undefined;
  probing: RoundContext["probing"] & Pick<Probing, "bandwidth">;
  /** How agents reach endpoints. */
  outside: OutsideSettings;
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
  /** Undefined until endpoints and settings are looked at. */
  inspection: { done: number; of: number } | undefined;
  /** Pairs of nodes whose bandwidth is measured. */
  streams: BandwidthProgress | undefined;
}

interface CoordinatorEvents {
  /** A node joined, began to listen, reported results, finished or left. */
  progress: [];
  joined: [node: string, member: Member];
  listening: [node: string, member: Member];
  lost: [node: string, clean: boolean];
}

const pollMs = 100;
/** Certificates are not renewed: a watched cluster must not outlive them. */
const watchLifetimeMs = 5 * 365 * 86_400_000;
/** For the goodbye to reach agents that are still there. */
const finishMs = 2_000;

export async function startCoordinator(config: CoordinatorConfig, now: () => Date): Promise<Coordinator> {
  const authority = await Authority.create(now(), config.continuous ? watchLifetimeMs : undefined);
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
  readonly #services: ServicePorts;
  readonly membership: Membership;
  #server: RunningServer | undefined;
  #round: Round;
  #inspection: Inspection | undefined;
  #streams: BandwidthProgress | undefined;
  #bandwidth: BandwidthMeasurement | undefined;
  readonly #clocks: ClockOffsets;
  #closing: Promise<void> | undefined;

  private constructor(config: CoordinatorConfig, authority: Authority, now: () => Date) {
    super();
    this.#config = config;
    this.#authority = authority;
    this.#now = now;
    this.#services = new ServicePorts(config.plan);
    this.membership = new Membership(config.plan, this.#token, () => performance.now());
    this.#round = this.#newRound(0);
    this.#clocks = new ClockOffsets({
      wall: () => now().getTime(),
      monotonic: () => performance.now(),
      send: (node, message) => this.#send(node, message),
    });
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
    return this.#round.observations;
  }

  get progress(): Progress {
    const { plan } = this.#config;
    const { done, of } = this.observations.progress;
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
      inspection: this.#inspection?.progress,
      streams: this.#streams,
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

  /** Has every ready node run its pinglist against the other ready nodes once. */
  async probe(signal: AbortSignal): Promise<Observations> {
    this.#round = this.#newRound(this.#round.number + 1);
    await this.#round.run(signal);
    return this.#round.observations;
  }

  /**
   * Has every ready node look at its own settings and at its endpoints, compares clocks, and then measures what
   * pairs of nodes carry, one after the other since each would disturb the next.
   */
  async inspect(signal: AbortSignal): Promise<Inspected> {
    const { plan, outside, probing } = this.#config;
    if (!isInspected(plan)) return nothingInspected;
    const send = (node: number, message: CoordinatorMessage): void => this.#send(node, message);
    const { membership } = this;
    const common = { plan, membership, send };
    const inspection = new Inspection(this.#round.number, {
      ...common,
      timeoutMs: probing.timeoutMs,
      outside,
    });
    this.#inspection = inspection;
    await this.#clocks.run(
      membership.ready.map(({ node }) => node),
      signal,
    );
    await inspection.run(signal);
    const { bandwidth, budgetMs } = probing;
    const measurement = new BandwidthMeasurement({
      ...common,
      observations: this.observations,
      bandwidth,
      budgetMs,
    });
    this.#bandwidth = measurement;
    await measurement.run(signal, (streams) => {
      this.#streams = streams;
      this.emit("progress");
    });
    return {
      ...nothingInspected,
      endpoint: (endpoint) => inspection.endpoint(endpoint),
      facts: (node) => inspection.facts(node),
      clock: (node) => this.#clocks.offset(node),
      bandwidth: (from, to) => measurement.figure(from, to),
      pins: outside.pins,
    };
  }

  /** How many probes the agents that are ready now will make. */
  get plannedProbes(): number {
    return this.membership.ready.reduce((sum, { node }) => sum + countProbes(this.#round.pinglist(node)), 0);
  }

  /** Tells every agent that its work is over, and waits a moment for each to hear it. */
  async finish(reason: string): Promise<void> {
    const ended = Array.from(this.#sessions.values(), (session) => session.finish(reason));
    await Promise.race([Promise.all(ended), sleep(finishMs)]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= Promise.resolve(this.#server?.[Symbol.asyncDispose]()));
  }

  #newRound(number: number): Round {
    const { plan, probing } = this.#config;
    return new Round(number, {
      plan,
      probing,
      membership: this.membership,
      services: this.#services,
      send: (node, message) => this.#send(node, message),
    });
  }

  #send(node: number, message: CoordinatorMessage): void {
    this.#sessions.get(node)?.send(message);
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
        const problem = this.membership.reportListening(member, message);
        if (problem !== undefined) return problem;
        // One that has been there all the time and reports again (it gave a port up) goes on with its probes.
        if (isBack) this.#round.returned(member.node);
        this.emit("listening", nameOf(member), member);
        this.emit("progress");
        return undefined;
      },
      results: (member, message) => {
        const problem = this.#round.results(member.node, message);
        this.emit("progress");
        return problem;
      },
      quality: (member, message) => this.#round.quality(member.node, message),
      measured: (member, round) => this.#round.measured(member.node, round),
      doubt: (member, message) => this.#round.doubt(member.node, message),
      sightings: (member, message) => this.#round.sightings(member.node, message),
      done: (member, message) => {
        this.#round.done(member.node, message);
        this.emit("progress");
      },
      endpoints: (member, message) => {
        const problem = this.#inspection?.endpoints(member.node, message);
        this.emit("progress");
        return problem;
      },
      facts: (member, message) => this.#inspection?.told(member.node, message),
      inspected: (member, round) => this.#inspection?.inspected(member.node, round),
      streamed: (member, message) => this.#bandwidth?.streamed(member.node, message),
      time: (member, message) => this.#clocks.answered(member.node, message),
      ended: (member, how) => {
        const clean = how === "clean";
        this.membership.lost(member, clean ? "close" : how);
        if (clean) this.membership.left(member);
        this.#bandwidth?.lost(member.node);
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
      round: this.#round.number,
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
