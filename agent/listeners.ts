/**
 * Holds the ports that the plan gives this node. Reconciles what is wanted with what is open, never shares a
 * port with another process, and never fails because of one: a port that cannot be had gets a state.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ListenerState, Transport } from "../shared/names.ts";
import { countPorts, eachPort, hasPort, type PortSet } from "../shared/ports.ts";
import { Claims, placeKey, type PortPlace } from "./claims.ts";
import { descriptorLimit, descriptorRemedy, freeDescriptors } from "./descriptors.ts";
import { PortOwners } from "./port-owner.ts";
import type { ListenerContext } from "./protocols/protocol.ts";
import type { Relay } from "./protocols/relay.ts";
import { StreamListeners } from "./protocols/stream-listener.ts";
import { listenUdp } from "./protocols/udp.ts";

export interface WantedListener {
  transport: Transport;
  address: string;
  ports: PortSet;
  /** To be held even where a service was seen before. */
  take?: boolean;
}

/** A port that is not simply bound. */
export interface ListenerException extends PortPlace {
  state: ListenerState;
  /** The process that holds an occupied port, where it can be seen. */
  owner?: string;
  /** What to do about it. */
  detail?: string;
  /** Not held because it is a service's: by request, or because one was seen there. */
  left?: boolean;
}

export interface ListenerReport {
  bound: number;
  exceptions: ListenerException[];
}

export interface ListenerOptions {
  claims: Claims;
  /** Ports on which a service was seen stay its own while it is down. */
  respectServices: boolean;
  /** Without one, who asks for the coordinator is sent away. */
  relay?: Relay;
}

const closeMs = 1_000;
/** A port is free once its listener has closed; connections that are reset need no longer than this. */
const giveUpMs = 100;

interface Held {
  close(callback: () => void): unknown;
}

/** As much as the link takes. */
const maxDetail = 200;

/** Binding is quick, but thousands of pending binds at once only cost memory. */
const bindsAtOnce = 512;

export class Listeners implements AsyncDisposable {
  readonly #context: ListenerContext;
  readonly #streams: StreamListeners;
  readonly #held = new Map<string, Held>();
  readonly #options: ListenerOptions;
  #wanted: readonly WantedListener[] = [];
  #exceptions = new Map<string, ListenerException>();
  /** One reconciliation after the other. */
  #work: Promise<unknown> = Promise.resolve();
  /** Read at the start: without a free descriptor it could not be read any more. */
  readonly #descriptorLimit = descriptorLimit();
  #closing: Promise<void> | undefined;

  constructor(
    context: ListenerContext,
    options: ListenerOptions = { claims: new Claims(), respectServices: false },
  ) {
    this.#context = { ...context };
    this.#options = options;
    this.#streams = new StreamListeners(this.#context, options.relay);
  }

  get report(): ListenerReport {
    return { bound: this.#held.size, exceptions: [...this.#exceptions.values()] };
  }

  /** Speaks as somebody else, or with another key, from now on; every port stays bound. */
  adopt(context: ListenerContext): void {
    Object.assign(this.#context, context);
    this.#streams.renew();
  }

  /** Opens what is missing, closes what is no longer wanted, keeps the rest. */
  reconcile(wanted: readonly WantedListener[] = this.#wanted): Promise<ListenerReport> {
    const done = this.#work.then(() => this.#reconcile(wanted));
    this.#work = done.catch(() => {});
    return done;
  }

  /** Where one port is wanted, of these transports. */
  placesOf(port: number, transports: readonly Transport[]): PortPlace[] {
    return this.#wanted
      .filter(({ transport, ports }) => transports.includes(transport) && hasPort(ports, port))
      .map(({ transport, address }) => ({ transport, address, port }));
  }

  /** Who has a wanted port instead of this agent; undefined where this agent has it. */
  exception(place: PortPlace): ListenerException | undefined {
    return this.#exceptions.get(placeKey(place));
  }

  /** Closes these ports at once, with what is connected to them. The claims must say why they are not taken again. */
  async giveUp(places: readonly PortPlace[]): Promise<void> {
    const closed = places.map((place) => {
      this.#except(place);
      return this.#release(placeKey(place));
    });
    for (const { port, transport } of places) if (transport === "tcp") this.#streams.reset(port);
    await Promise.race([Promise.all(closed), sleep(giveUpMs, undefined, { ref: false })]);
  }

  async #reconcile(wanted: readonly WantedListener[]): Promise<ListenerReport> {
    this.#wanted = wanted;
    this.#exceptions = new Map();
    const all = wanted.flatMap(({ transport, address, ports, take = false }) =>
      Array.from(eachPort(ports), (port) => {
        const place = { transport, address, port };
        return { place, take, key: placeKey(place) };
      }),
    );
    const keys = new Set(all.map(({ key }) => key));
    await Promise.all(
      [...this.#held.keys()].filter((key) => !keys.has(key)).map((key) => this.#release(key)),
    );
    const unheld = all.filter(({ key, place, take }) => !this.#held.has(key) && !this.#except(place, take));
    // Probes and the link need descriptors too: a host with too few holds fewer ports, and says so.
    const room = freeDescriptors(this.#descriptorLimit);
    const missing = unheld.slice(0, room);
    const owners = new PortOwners();
    const needed = wanted.reduce((sum, listener) => sum + countPorts(listener.ports), 0);
    const remedy = descriptorRemedy(needed, this.#descriptorLimit);
    for (const { place, key } of unheld.slice(room))
      this.#exceptions.set(key, withoutDescriptor(place, remedy));
    for (let start = 0; start < missing.length && this.#closing === undefined; start += bindsAtOnce) {
      const failures = await Promise.all(
        missing.slice(start, start + bindsAtOnce).map(async ({ place, key, take }) => {
          // Somebody may ask for it in the meantime.
          if (this.#except(place, take)) return undefined;
          try {
            this.#held.set(key, await this.#bind(place));
            if (this.#closing !== undefined || this.#except(place, take)) await this.#release(key);
            return undefined;
          } catch (error) {
            return explain(error as NodeJS.ErrnoException, place, owners, remedy);
          }
        }),
      );
      for (const failure of failures.filter((each) => each !== undefined)) this.#meet(failure);
    }
    if (this.#options.respectServices) this.#meetServices(owners);
    return this.report;
  }

  /** A port that was left to others is occupied as soon as somebody is there. */
  #meetServices(owners: PortOwners): void {
    for (const { transport, address, port, state } of this.#exceptions.values()) {
      const place = { transport, address, port };
      const isLeft = state === "absent" && this.#options.claims.against(place, true) !== undefined;
      const owner = isLeft ? owners.listenerAt(place) : undefined;
      if (owner !== undefined) this.#meet({ ...place, state: "occupied", owner });
    }
  }

  #meet(exception: ListenerException): void {
    this.#exceptions.set(placeKey(exception), exception);
    if (exception.state === "occupied") this.#options.claims.sawService(exception, exception.owner);
  }

  /** Whether somebody else's claim keeps this agent from a port; if so, the port has its exception. */
  #except(place: PortPlace, take = false): boolean {
    const { claims, respectServices } = this.#options;
    const detail = claims.against(place, respectServices && !take);
    if (detail !== undefined)
      this.#exceptions.set(placeKey(place), {
        ...place,
        state: "absent",
        detail: detail.slice(0, maxDetail),
        left: true,
      });
    return detail !== undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #bind({ transport, address, port }: PortPlace): Promise<Held> {
    const listen = (on: string): Promise<Held> =>
      transport === "tcp" ? this.#streams.listen(on, port) : listenUdp(on, port, this.#context);
    try {
      return await listen(address);
    } catch (error) {
      // Behind a NAT the node's own address is not on any of its interfaces.
      if ((error as NodeJS.ErrnoException).code !== "EADDRNOTAVAIL") throw error;
      return listen(address.includes(":") ? "::" : "0.0.0.0");
    }
  }

  #release(key: string): Promise<void> {
    const held = this.#held.get(key);
    this.#held.delete(key);
    return new Promise((resolve) => (held === undefined ? resolve() : held.close(() => resolve())));
  }

  async #close(): Promise<void> {
    // What is being bound now would stay bound for ever.
    await Promise.race([this.#work, sleep(closeMs, undefined, { ref: false })]);
    const closed = [...this.#held.keys()].map((key) => this.#release(key));
    this.#streams.close();
    // A port is free once its server has closed; the last word of a connection is not waited for long.
    await Promise.race([Promise.all(closed), sleep(closeMs, undefined, { ref: false })]);
  }
}

function withoutDescriptor(where: PortPlace, moreDescriptors: string): ListenerException {
  return { ...where, state: "absent", detail: `out of file descriptors: ${moreDescriptors}` };
}

function explain(
  error: NodeJS.ErrnoException,
  where: PortPlace,
  owners: PortOwners,
  moreDescriptors: string,
): ListenerException {
  switch (error.code) {
    case "EADDRINUSE": {
      const owner = owners.ownerOf(where);
      return { ...where, state: "occupied", ...(owner === undefined ? {} : { owner }) };
    }
    case "EACCES":
    case "EPERM":
      return {
        ...where,
        state: "denied",
        detail: `this user may not bind this port: run the agent as root, or give it CAP_NET_BIND_SERVICE`,
      };
    case "EMFILE":
    case "ENFILE":
      return withoutDescriptor(where, moreDescriptors);
    default:
      return { ...where, state: "absent", detail: `bind failed: ${error.code ?? error.message}` };
  }
}
