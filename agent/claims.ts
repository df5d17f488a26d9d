/**
 * Whose a wanted port is. Some are left to others although they may be free just now: those that somebody
 * asked for, and those on which a real service was seen. Known for as long as the agent lives, over all its
 * links and rounds.
 */
import type { Transport } from "../shared/names.ts";

export interface PortPlace {
  transport: Transport;
  address: string;
  port: number;
}

export class Claims {
  /** Until when ports were given up by request, on all addresses. */
  readonly #givenUp = new Map<string, Date>();
  /** Who held a port when this agent wanted it, where that was to be seen. */
  readonly #services = new Map<string, string | undefined>();

  giveUp(transport: Transport, port: number, until: Date): void {
    this.#givenUp.set(`${transport} ${port}`, until);
  }

  /** Ends what was given up until then; a later request that moved the end keeps its own. */
  takeBack(transport: Transport, port: number, until: Date): void {
    if (this.#givenUp.get(`${transport} ${port}`) === until) this.#givenUp.delete(`${transport} ${port}`);
  }

  isGivenUp({ transport, port }: Pick<PortPlace, "transport" | "port">): boolean {
    return this.#givenUp.has(`${transport} ${port}`);
  }

  sawService(place: PortPlace, owner: string | undefined): void {
    this.#services.set(placeKey(place), owner);
  }

  /** Why a port must not be taken now, or undefined. `respectServices`: what a service once held stays its own. */
  against(place: PortPlace, respectServices: boolean): string | undefined {
    const until = this.#givenUp.get(`${place.transport} ${place.port}`);
    if (until !== undefined) return `given up by request until ${until.toISOString()}`;
    const key = placeKey(place);
    if (!respectServices || !this.#services.has(key)) return undefined;
    return `left to the service that held it before: ${this.#services.get(key) ?? "its process could not be seen"}`;
  }
}

export function placeKey({ transport, address, port }: PortPlace): string {
  return `${transport} ${address} ${port}`;
}
