/** Over which ports a stream between two nodes can be led: those that answered a TCP probe with their own proof. */
import { eachPort } from "../shared/ports.ts";
import type { Plan, Target } from "../shared/plan.ts";
import type { StreamMessage } from "../shared/wire.ts";
import type { Observations } from "./observations.ts";
import { addressIndex } from "./wire-plan.ts";

/** Who dials, and where. */
export interface StreamWay extends Pick<StreamMessage, "to" | "address" | "port" | "direction"> {
  dialler: number;
}

/** A port may pass proofs and no streams: there are others to try. */
const maxWays = 3;

export class StreamWays {
  readonly #plan: Plan;
  readonly #observations: Observations;
  readonly #targets: ReadonlyMap<string, readonly Target[]>;

  constructor(plan: Plan, observations: Observations) {
    this.#plan = plan;
    this.#observations = observations;
    const between = plan.targets.filter(({ from, to, transport }) => transport === "tcp" && from !== to);
    this.#targets = Map.groupBy(between, ({ from, to }) => `${from} ${to}`);
  }

  /** Ways for bytes from one node to another, the best first; a connection of either side carries both directions. */
  between(from: number, to: number): StreamWay[] {
    return [
      ...this.#dialled(from, to).map((way): StreamWay => ({ ...way, direction: "there" })),
      ...this.#dialled(to, from).map((way): StreamWay => ({ ...way, direction: "back" })),
    ];
  }

  /** One port a target; where the probe was bare TCP first, since a firewall may insist on TLS or HTTP elsewhere. */
  #dialled(dialler: number, to: number): Omit<StreamWay, "direction">[] {
    const targets = this.#targets.get(`${dialler} ${to}`) ?? [];
    const isBare = ({ protocol }: Target): boolean => protocol === "tcp";
    return [...targets.filter(isBare), ...targets.filter((target) => !isBare(target))]
      .flatMap((target) => {
        const port = this.#provenPort(target);
        const address = addressIndex(this.#plan.nodes[to]!, target.address);
        return port === undefined ? [] : [{ dialler, to, address, port }];
      })
      .slice(0, maxWays);
  }

  #provenPort(target: Target): number | undefined {
    for (const port of eachPort(target.ports)) {
      const outcome = this.#observations.outcome(target, port);
      const { node, port: answered } = outcome?.proof ?? {};
      if (outcome?.kind === "open" && node === target.to && answered === port) return port;
    }
    return undefined;
  }
}
