/**
 * The order in which the ports of a large range are probed: wherever the sweep is cut short, what it has
 * probed is spread evenly over the range (van der Corput's sequence in base 2), and the next sweep goes on
 * where this one stopped, until every port has had its turn.
 */
import { countPorts, eachPort, hasPort, type PortInterval, type PortSet } from "../shared/ports.ts";

/** Of a set or an interval of at most so many ports none is left out. */
export const smallestSample = 64;
/** Beside a large range: as many ports of small intervals, and as many large intervals with their ends. */
const mostSmall = 4 * smallestSample;
const mostLarge = smallestSample / 2;

export interface SweepOrder {
  /** Always probed: all ports of a small set; of a large one its small intervals, and the ends of the others. */
  always: number[];
  /** The others, in turn: a column, because there may be tens of thousands. */
  inTurn: Uint16Array;
}

/** `start`: how many of the ports in turn earlier sweeps have had; `faulty`: those of the ports that must have theirs now. */
export function sweepOrder(ports: PortSet, start: number, faulty: readonly number[] = []): SweepOrder {
  if (countPorts(ports) <= smallestSample) return { always: [...eachPort(ports)], inTurn: new Uint16Array() };
  // Several flows may share a set: a small one beside a range is no sample.
  const isSmall = (interval: PortInterval): boolean => countPorts([interval]) <= smallestSample;
  const small = ports.filter(isSmall);
  const large = ports.filter((interval) => !isSmall(interval));
  const always = new Set([
    ...(countPorts(small) <= mostSmall ? eachPort(small) : []),
    ...(large.length <= mostLarge ? large.flat() : []),
    ...faulty.filter((port) => hasPort(ports, port)),
  ]);
  const others = Uint16Array.from(eachPort(ports)).filter((port) => !always.has(port));
  const spread = evenly(others.length);
  const inTurn = new Uint16Array(others.length);
  for (let index = 0; index < inTurn.length; index++)
    inTurn[index] = others[spread[(index + start) % spread.length]!]!;
  return { always: [...always], inTurn };
}

/** The numbers below `count` such that each beginning of the list is spread evenly. */
function evenly(count: number): Uint16Array {
  const bits = Math.ceil(Math.log2(Math.max(1, count)));
  const list = new Uint16Array(count);
  let filled = 0;
  for (let index = 0; index < 2 ** bits; index++) {
    const reversed = reverse(index, bits);
    if (reversed < count) list[filled++] = reversed;
  }
  return list;
}

function reverse(value: number, bits: number): number {
  let reversed = 0;
  for (let bit = 0; bit < bits; bit++) reversed = (reversed << 1) | ((value >> bit) & 1);
  return reversed;
}
