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
  const sets = groups.map(({ ports }) => readPorts(ports));
  const isSound = sets.every((set) => set !== undefined);
  // A few bytes can name very many ports.
  if (!isSound || sets.reduce((sum, set) => sum + countPorts(set), 0) > most) return undefined;
  return groups.flatMap(({ ports: _, ...rest }, index) =>
    Array.from(eachPort(sets[index]!), (port) => ({ ...rest, port })),
  );
}
