/**
 * Ports of a target that were not as expected, and how. Targets that fared alike share one of these: where half of
 * a cluster is cut off, a thousand nodes tell of a thousand targets each.
 */
import { isNeighbourTimeout } from "../../shared/judge.ts";
import { formatPorts, subtract, union, type PortSet } from "../../shared/ports.ts";
import type { OddGroup } from "../../shared/watch-wire.ts";

export interface OddPart {
  ports: PortSet;
  group: OddGroup;
}

export class OddParts {
  static readonly none = (): OddParts => new OddParts([]);

  readonly parts: readonly OddPart[];
  #text: string | undefined;
  #ports: PortSet | undefined;
  readonly #with = new Map<OddPart, OddParts>();
  readonly #all = new Map<PortSet, boolean>();
  readonly #without = new Map<PortSet, OddParts>();

  private constructor(parts: readonly OddPart[]) {
    this.parts = parts;
  }

  /** The same object for the same part. */
  with(part: OddPart): OddParts {
    let more = this.#with.get(part);
    if (more === undefined) this.#with.set(part, (more = new OddParts([...this.parts, part])));
    return more;
  }

  /** The same object for the same set of ports. */
  without(ports: PortSet): OddParts {
    let less = this.#without.get(ports);
    if (less === undefined) {
      const left = this.parts.map((part) => ({ ...part, ports: subtract(part.ports, ports) }));
      less = new OddParts(left.filter((part) => part.ports.length > 0));
      this.#without.set(ports, less);
    }
    return less;
  }

  /** Whether all of these ports are among them. */
  hasAllOf(ports: PortSet): boolean {
    let hasAll = this.#all.get(ports);
    if (hasAll === undefined) this.#all.set(ports, (hasAll = subtract(ports, this.ports).length === 0));
    return hasAll;
  }

  get ports(): PortSet {
    return (this.#ports ??= union(this.parts.map(({ ports }) => ports)));
  }

  /** The same text means the same judgement. How long it took is no part of it, but for the time-out of a neighbour. */
  get text(): string {
    return (this.#text ??= this.parts
      .map(({ ports, group }) => {
        const { kind, phase, code, exchange, proof } = group;
        const said = [kind, phase, code, exchange, JSON.stringify(proof), isNeighbourTimeout(group)];
        return `${formatPorts(ports)} ${said.join(" ")}`;
      })
      .join("\n"));
  }
}
