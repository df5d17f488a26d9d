/** What is swept, in columns: a target takes a few bytes, and becomes an object only while it is probed. */
import { createHash } from "node:crypto";
import { PortmeshError } from "../../shared/errors.ts";
import { protocolNames, type ProtocolName } from "../../shared/names.ts";
import { countPorts, intersection, readPorts, subtract, type PortSet } from "../../shared/ports.ts";
import type { PinglistMessage, ServedTarget } from "../../shared/watch-wire.ts";
import type { ProbeTask } from "../duty.ts";

/** Whatever the coordinator says. */
const mostTargets = 65_535;
const intervalLimitsMs = [50, 24 * 60 * 60_000] as const;
const timeoutLimitsMs = [50, 60_000] as const;

/** The ports of one target. */
interface Parts {
  /** What must be open, and what must be shut, apart. */
  open: PortSet;
  shut: PortSet;
}

export class Pinglist {
  readonly plan: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly budgetMs: number;
  readonly samples: number;
  readonly rttThresholdMs: number | undefined;
  /** How many targets there are. */
  readonly size: number;
  readonly #to: Uint32Array;
  readonly #address: Int32Array;
  readonly #protocol: Uint8Array;
  readonly #ports: Uint32Array;
  readonly #shut: Int32Array;
  readonly #portSets: readonly PortSet[];
  readonly #protocols: readonly ProtocolName[];
  /** By the sets of ports that are wanted and shut: most targets share a few pairs of them. */
  readonly #parts = new Map<string, Parts>();
  readonly #services = new Map<number, ProbeTask["services"]>();
  #absent: ReadonlySet<number>;
  /** Of all that does not change while it is swept. */
  readonly #digest: string;

  /** @throws PortmeshError where the message makes no sense. */
  constructor(message: PinglistMessage) {
    this.plan = message.plan;
    this.intervalMs = within(message.intervalMs, intervalLimitsMs);
    this.timeoutMs = within(message.timeoutMs, timeoutLimitsMs);
    this.budgetMs = message.budgetMs;
    this.samples = message.samples;
    this.rttThresholdMs = message.rttThresholdMs;
    this.size = message.to.length;
    this.#to = Uint32Array.from(message.to);
    this.#address = Int32Array.from(message.address);
    this.#protocol = Uint8Array.from(message.protocol);
    this.#ports = Uint32Array.from(message.ports);
    this.#shut = Int32Array.from(message.shut);
    this.#portSets = message.portSets.map(portSet);
    this.#protocols = message.protocols;
    this.#digest = digestOf(message);
    this.#check();
    this.serve(message.services);
    this.#absent = new Set(message.absent);
  }

  /**
   * Takes over what this message has to say of services and absent nodes.
   * @returns false where it is another pinglist.
   */
  renew(message: PinglistMessage): boolean {
    if (digestOf(message) !== this.#digest) return false;
    this.#services.clear();
    this.serve(message.services);
    this.#absent = new Set(message.absent);
    return true;
  }

  /** Nodes that are not to be probed. */
  get absent(): ReadonlySet<number> {
    return this.#absent;
  }

  set absent(nodes: Iterable<number>) {
    this.#absent = new Set(nodes);
  }

  to(position: number): number {
    return this.#to[position]!;
  }

  portCount(position: number): number {
    return countPorts(this.#portSets[this.#ports[position]!]!);
  }

  /** Takes the place of what was said of these targets before. */
  serve(targets: readonly ServedTarget[]): void {
    for (const { target, services } of targets) {
      if (!(target < this.size)) throw senseless(`a service at target ${target} of ${this.size}`);
      const read = services.map(({ ports, ...exchange }) => ({ ...exchange, ports: portSet(ports) }));
      if (read.length === 0) this.#services.delete(target);
      else this.#services.set(target, read);
    }
  }

  /** Those absent nodes that have a target here. */
  skipped(): number[] {
    return [...new Set(this.#to)].filter((node) => this.#absent.has(node)).toSorted((a, b) => a - b);
  }

  /** Everything that is to be probed now. */
  *tasks(): Generator<ProbeTask> {
    for (let position = 0; position < this.size; position++)
      if (!this.#absent.has(this.#to[position]!)) yield this.#task(position, this.#partsOf(position));
  }

  /**
   * Some ports of one target.
   * @throws PortmeshError where there is no such target.
   */
  task(position: number, only: string): ProbeTask {
    if (!(position < this.size)) throw senseless(`target ${position} of ${this.size}`);
    const { open, shut } = this.#partsOf(position);
    const asked = portSet(only);
    return this.#task(position, { open: intersection(open, asked), shut: intersection(shut, asked) });
  }

  #task(position: number, { open, shut }: Parts): ProbeTask {
    const services = this.#services.get(position);
    return {
      id: position,
      to: this.#to[position]!,
      address: this.#address[position]!,
      protocol: this.#protocols[this.#protocol[position]!]!,
      ports: open,
      shut,
      ...(services === undefined ? {} : { services }),
    };
  }

  #partsOf(position: number): Parts {
    const [all, closed] = [this.#ports[position]!, this.#shut[position]!];
    const key = `${all} ${closed}`;
    let parts = this.#parts.get(key);
    if (parts === undefined) {
      const ports = this.#portSets[all]!;
      const shut = closed < 0 ? [] : intersection(ports, this.#portSets[closed]!);
      this.#parts.set(key, (parts = { open: subtract(ports, shut), shut }));
    }
    return parts;
  }

  #check(): void {
    const columns = [this.#to, this.#address, this.#protocol, this.#ports, this.#shut];
    const isSound =
      this.size <= mostTargets &&
      columns.every(({ length }) => length === this.size) &&
      this.#ports.every((position) => position < this.#portSets.length) &&
      this.#shut.every((position) => position < this.#portSets.length) &&
      this.#protocol.every((position) => protocolNames.includes(this.#protocols[position]!));
    if (!isSound) throw senseless("a pinglist whose columns do not fit");
  }
}

function digestOf({ services: _services, absent: _absent, ...fixed }: PinglistMessage): string {
  return createHash("sha256").update(JSON.stringify(fixed)).digest("base64");
}

function within(value: number, [least, most]: readonly [number, number]): number {
  // Also where it is no number.
  return value > least ? Math.min(value, most) : least;
}

function portSet(text: string): PortSet {
  const ports = readPorts(text);
  if (ports === undefined) throw senseless(`ports ${text}`);
  return ports;
}

function senseless(what: string): PortmeshError {
  return new PortmeshError("policy-refused", `the coordinator sent what makes no sense: ${what}`);
}
