/**
 * What reached the listeners of this agent, so that a silent probe can be told apart: its request never came,
 * or its answer never arrived. A few bytes a peer and port; read only when the coordinator asks.
 */

/** Requests of this many peers and ports are remembered; the oldest go first. */
const maxRequests = 200_000;
const maxConnections = 4_096;
/** Of one peer: more come only from a network that translates at random. */
const maxAddresses = 8;

export class RequestLog {
  /** When each peer last asked at each port, in the clock's milliseconds. */
  readonly #requests = new Map<number, number>();
  /** Connections on which nothing was ever said, and those that were never completed, by address and port. */
  readonly #mute = new Map<string, number>();
  readonly #halfOpen = new Map<string, number>();
  readonly #addresses = new Map<number, Set<string>>();
  readonly #heard = new Map<number, { first: number; last: number }>();

  /** A valid request of node `from` came from `address`, which a NAT on the way may have changed. */
  received(from: number, port: number, address: string, now: number): void {
    remember(this.#requests, keyOf(from, port), now, maxRequests);
    this.met(from, address, now);
  }

  /** Node `from` is behind `address`. */
  met(from: number, address: string, now: number): void {
    const heard = this.#heard.get(from);
    if (heard === undefined) this.#heard.set(from, { first: now, last: now });
    else heard.last = now;
    const known = this.#addresses.get(from);
    if (known === undefined) this.#addresses.set(from, new Set([address]));
    else if (known.size < maxAddresses) known.add(address);
  }

  /** A TCP connection ended without a byte of a request. */
  stayedMute(address: string, port: number, now: number): void {
    remember(this.#mute, `${address} ${port}`, now, maxConnections);
  }

  /** A TCP connection was begun from there and not completed. */
  sawHalfOpen(address: string, port: number, now: number): void {
    remember(this.#halfOpen, `${address} ${port}`, now, maxConnections);
  }

  /** When a node first and last asked anything. */
  heard(from: number): { first: number; last: number } | undefined {
    return this.#heard.get(from);
  }

  sawRequest(from: number, port: number, since: number): boolean {
    return (this.#requests.get(keyOf(from, port)) ?? Number.NEGATIVE_INFINITY) >= since;
  }

  hadMuteConnection(addresses: Iterable<string>, port: number, since: number): boolean {
    return isRemembered(this.#mute, addresses, port, since);
  }

  hadHalfOpen(addresses: Iterable<string>, port: number, since: number): boolean {
    return isRemembered(this.#halfOpen, addresses, port, since);
  }

  /** Every address from which valid requests of this node came. */
  addressesOf(from: number): Iterable<string> {
    return this.#addresses.get(from) ?? [];
  }
}

function keyOf(from: number, port: number): number {
  return from * 65_536 + port;
}

function isRemembered(
  map: ReadonlyMap<string, number>,
  addresses: Iterable<string>,
  port: number,
  since: number,
): boolean {
  return Array.from(addresses).some(
    (address) => (map.get(`${address} ${port}`) ?? Number.NEGATIVE_INFINITY) >= since,
  );
}

function remember<Key>(map: Map<Key, number>, key: Key, now: number, limit: number): void {
  // A known key goes to the end: the oldest go first.
  if (!map.delete(key) && map.size >= limit) map.delete(map.keys().next().value!);
  map.set(key, now);
}
