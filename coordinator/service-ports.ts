/** Which exchange to have on the ports of a target that real services hold. */
import type { Plan, Target } from "../shared/plan.ts";
import { formatPorts, hasPort, portSetOf } from "../shared/ports.ts";
import { exchangeFor, type ServiceExchange } from "../shared/service-exchange.ts";
import type { WireService } from "../shared/wire.ts";

export class ServicePorts {
  readonly #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Those of the occupied ports that the target has, one entry for each kind of exchange. */
  of(target: Target, occupied: readonly number[]): WireService[] {
    const byExchange = new Map<string, ServiceExchange & { held: number[] }>();
    for (const port of occupied) {
      if (!hasPort(target.ports, port)) continue;
      const service = this.#exchange(target, port);
      if (service === undefined) continue;
      const key = `${service.exchange} ${service.tls}`;
      const group = byExchange.get(key) ?? { ...service, held: [] };
      group.held.push(port);
      byExchange.set(key, group);
    }
    return Array.from(byExchange.values(), ({ exchange, tls, held }) => ({
      exchange,
      tls,
      ports: formatPorts(portSetOf(held)),
    }));
  }

  /** Of several flows on one port the first whose protocol is known speaks for all: there is but one service. */
  #exchange(target: Target, port: number): ServiceExchange | undefined {
    const { pairs } = this.#plan;
    const position = target.id - pairs.firstTarget(target.from, target.to);
    const exchanges = pairs
      .rows(target.from, target.to)
      .paths.filter((row) => row.targets.includes(position) && hasPort(row.ports, port))
      .map((row) => exchangeFor(row, port));
    return exchanges.find((each) => each !== undefined && each.exchange !== "plain") ?? exchanges[0];
  }
}
