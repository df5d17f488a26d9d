/**
 * The coordinator: lets the agents of one plan join, gives each its listeners and pinglist, and collects
 * what they observed, round by round.
 */
import { EventEmitter } from "node:events";
import type { Probing } from "../shared/cluster-file.ts";
import type { OutsideSettings } from "../shared/outside.ts";
import { countProbes, type Plan } from "../shared/plan.ts";
import type { CoordinatorMessage } from "../shared/wire.ts";
import { BandwidthMeasurement, type BandwidthProgress } from "./bandwidth.ts";
import { ClockOffsets } from "./clock-offsets.ts";
import { nothingInspected, type Inspected } from "./inspected.ts";
import { isInspected } from "./inspect-order.ts";
import { Inspection } from "./inspection.ts";
import type { Membership, Member } from "./membership.ts";
import type { Observations } from "./observations.ts";
import { Registry, type RegistryEvents, type ReportMessage } from "./registry.ts";
import { Round, type RoundContext } from "./round.ts";
import { createRunIdentity } from "./run-identity.ts";
import { ServicePorts } from "./service-ports.ts";

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

/** @throws PortmeshError where the address cannot be listened on. */
export function startCoordinator(config: CoordinatorConfig, now: () => Date): Promise<Coordinator> {
  return Coordinator.start(config, now);
}

export class Coordinator extends EventEmitter<CoordinatorEvents> implements AsyncDisposable {
  readonly #config: CoordinatorConfig;
  readonly #services: ServicePorts;
  #registry!: Registry;
  #round!: Round;
  #inspection: Inspection | undefined;
  #streams: BandwidthProgress | undefined;
  #bandwidth: BandwidthMeasurement | undefined;
  readonly #clocks: ClockOffsets;

  private constructor(config: CoordinatorConfig, now: () => Date) {
    super();
    this.#config = config;
    this.#services = new ServicePorts(config.plan);
    this.#clocks = new ClockOffsets({
      wall: () => now().getTime(),
      monotonic: () => performance.now(),
      send: (node, message) => this.#send(node, message),
    });
  }

  static async start(config: CoordinatorConfig, now: () => Date): Promise<Coordinator> {
    const coordinator = new Coordinator(config, now);
    coordinator.#registry = await Registry.start(
      {
        ...config,
        identity: await createRunIdentity(now()),
        respectServices: config.continuous,
        now,
      },
      coordinator.#registryEvents(),
    );
    coordinator.#round = coordinator.#newRound(0);
    return coordinator;
  }

  get membership(): Membership {
    return this.#registry.membership;
  }

  get joinString(): string {
    return this.#registry.joinString;
  }

  get address(): string {
    return this.#registry.address;
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
  everyoneIsListening(waitMs: number, signal: AbortSignal): Promise<boolean> {
    return this.#registry.everyoneIsListening(waitMs, signal);
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
  finish(reason: string): Promise<void> {
    return this.#registry.finish(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#registry[Symbol.asyncDispose]();
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
    this.#registry.send(node, message);
  }

  #registryEvents(): RegistryEvents {
    const nameOf = (member: Member): string => this.#config.plan.nodes[member.node]!.name;
    return {
      joined: (member) => {
        this.emit("joined", nameOf(member), member);
        this.emit("progress");
      },
      listening: (member, isBack) => {
        // One that has been there all the time and reports again (it gave a port up) goes on with its probes.
        if (isBack) this.#round.returned(member.node);
        this.emit("listening", nameOf(member), member);
        this.emit("progress");
      },
      message: (member, message) => {
        const problem = this.#hear(member.node, message);
        this.emit("progress");
        return problem;
      },
      lost: (member, isClean) => {
        this.#bandwidth?.lost(member.node);
        this.emit("lost", nameOf(member), isClean);
        this.emit("progress");
      },
      round: () => this.#round.number,
    };
  }

  /** Returns what was wrong with the message, if anything. */
  #hear(node: number, message: ReportMessage): string | undefined {
    switch (message.type) {
      case "results":
        return this.#round.results(node, message);
      case "quality":
        return this.#round.quality(node, message);
      case "measured":
        this.#round.measured(node, message.round);
        return undefined;
      case "doubt":
        this.#round.doubt(node, message);
        return undefined;
      case "sightings":
        return this.#round.sightings(node, message);
      case "done":
        this.#round.done(node, message);
        return undefined;
      case "endpoints":
        return this.#inspection?.endpoints(node, message);
      case "facts":
        this.#inspection?.told(node, message);
        return undefined;
      case "inspected":
        this.#inspection?.inspected(node, message.round);
        return undefined;
      case "streamed":
        this.#bandwidth?.streamed(node, message);
        return undefined;
      case "time":
        this.#clocks.answered(node, message);
        return undefined;
      case "sweep":
      case "gap":
      case "again":
        return "nobody is watched in a check";
    }
  }
}
