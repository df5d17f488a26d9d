/**
 * Ports that are not simply bound, as they travel: those of which the same is said as one entry. One by one a
 * host whose ports are all somebody else's would not fit into a frame.
 */
import { countPorts, eachPort, formatPorts, portSetOf, readPorts } from "./ports.ts";
import type { ListenerException, ListenerExceptions } from "./wire.ts";

export function groupExceptions(exceptions: Iterable<ListenerException>): ListenerExceptions[] {
  const groups = new Map<string, { rest: Omit<ListenerException, "port">; held: number[] }>();
  for (const { port, ...rest } of exceptions) {
    const { transport, address, state, owner, detail, left } = rest;
    const key = JSON.stringify([transport, address, state, owner, detail, left]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { rest, held: [port] });
    else group.held.push(port);
  }
  return Array.from(groups.values(), ({ rest, held }) => ({ ...rest, ports: formatPorts(portSetOf(held)) }));
}

/** One by one again; undefined where the ports cannot be read, or are more than `most` in all. */
export function eachException(
  groups: readonly ListenerExceptions[],
  most: number,
): ListenerException[] | undefined {
  const read = groups.map(({ ports, ...rest }) => ({ rest, set: readPorts(ports) }));
  let count = 0;
  for (const { set } of read) {
    // A few bytes can name very many ports.
    count += set === undefined ? Number.POSITIVE_INFINITY : countPorts(set);
    if (count > most) return undefined;
  }
  return read.flatMap(({ rest, set = [] }) => Array.from(eachPort(set), (port) => ({ ...rest, port })));
}
