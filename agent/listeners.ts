/**
 * Holds the ports that the plan gives this node. Reconciles what is wanted with what is open, never shares a
 * port with another process, and never fails because of one: a port that cannot be had gets a state.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ListenerState, Transport } from "../shared/names.ts";
import { countPorts, eachPort, type PortSet } from "../shared/ports.ts";
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
}

/** A port that is not simply bound. */
export interface ListenerException {
  transport: Transport;
  address: string;
  port: number;
  state: ListenerState;
  /** The process that holds an occupied port, where it can be seen. */
  owner?: string;
  /** What to do about it. */
  detail?: string;
}

export interface ListenerReport {
  bound: number;
  exceptions: ListenerException[];
}

const closeMs = 1_000;

interface Held {
  close(callback: () => void): unknown;
}

/** Binding is quick, but thousands of pending binds at once only cost memory. */
const bindsAtOnce = 512;

export class Listeners implements AsyncDisposable {
  readonly #context: ListenerContext;
  readonly #streams: StreamListeners;
  readonly #held = new Map<string, Held>();
  /** Read at the start: without a free descriptor it could not be read any more. */
  readonly #descriptorLimit = descriptorLimit();
  #closing: Promise<void> | undefined;

  /** Without a relay, who asks for the coordinator is sent away. */
  constructor(context: ListenerContext, relay?: Relay) {
    this.#context = context;
    this.#streams = new StreamListeners(context, relay);
  }

  /** Opens what is missing, closes what is no longer wanted, keeps the rest. */
  async reconcile(wanted: readonly WantedListener[]): Promise<ListenerReport> {
    const all = wanted.flatMap(({ transport, address, ports }) =>
      Array.from(eachPort(ports), (port) => ({
        transport,
        address,
        port,
        key: `${transport} ${address} ${port}`,
      })),
    );
    const keys = new Set(all.map(({ key }) => key));
    await Promise.all(
      [...this.#held.keys()].filter((key) => !keys.has(key)).map((key) => this.#release(key)),
    );
    const unheld = all.filter(({ key }) => !this.#held.has(key));
    // Probes and the link need descriptors too: a host with too few holds fewer ports, and says so.
    const room = freeDescriptors(this.#descriptorLimit);
    const missing = unheld.slice(0, room);
    const owners = new PortOwners();
    const needed = wanted.reduce((sum, listener) => sum + countPorts(listener.ports), 0);
    const remedy = descriptorRemedy(needed, this.#descriptorLimit);
    const exceptions = unheld
      .slice(room)
      .map(({ transport, address, port }) => withoutDescriptor({ transport, address, port }, remedy));
    for (let start = 0; start < missing.length; start += bindsAtOnce) {
      const results = await Promise.all(
        missing.slice(start, start + bindsAtOnce).map(async ({ transport, address, port, key }) => {
          try {
            this.#held.set(key, await this.#bind(transport, address, port));
            return undefined;
          } catch (error) {
            return explain(error as NodeJS.ErrnoException, { transport, address, port }, owners, remedy);
          }
        }),
      );
      exceptions.push(...results.filter((result) => result !== undefined));
    }
    return { bound: this.#held.size, exceptions };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #bind(transport: Transport, address: string, port: number): Promise<Held> {
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
    const closed = [...this.#held.keys()].map((key) => this.#release(key));
    this.#streams.close();
    // A port is free once its server has closed; the last word of a connection is not waited for long.
    await Promise.race([Promise.all(closed), sleep(closeMs, undefined, { ref: false })]);
  }
}

interface Where {
  transport: Transport;
  address: string;
  port: number;
}

function withoutDescriptor(where: Where, moreDescriptors: string): ListenerException {
  return { ...where, state: "absent", detail: `out of file descriptors: ${moreDescriptors}` };
}

function explain(
  error: NodeJS.ErrnoException,
  where: Where,
  owners: PortOwners,
  moreDescriptors: string,
): ListenerException {
  switch (error.code) {
    case "EADDRINUSE": {
      const owner = owners.ownerOf(where.transport, where.port);
      return { ...where, state: "occupied", ...(owner === undefined ? {} : { owner }) };
    }
    case "EACCES":
    case "EPERM":
      return {
        ...where,
        state: "denied",
        detail: `this user may not bind port ${where.port}: run the agent as root, or give it CAP_NET_BIND_SERVICE`,
      };
    case "EMFILE":
    case "ENFILE":
      return withoutDescriptor(where, moreDescriptors);
    default:
      return { ...where, state: "absent", detail: `bind failed: ${error.code ?? error.message}` };
  }
}
