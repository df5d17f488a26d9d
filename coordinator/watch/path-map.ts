/**
 * Values of some paths, by id. What happens to one path happens to its neighbours, whose ids follow each other: values
 * stand in blocks that come and go, so that half of ten million paths take eight bytes each and a few take little.
 */

const blockBits = 8;
const blockSize = 1 << blockBits;

interface Block<Value> {
  values: (Value | undefined)[];
  count: number;
}

export class PathMap<Value> {
  readonly #blocks = new Map<number, Block<Value>>();

  get(path: number): Value | undefined {
    return this.#blocks.get(path >>> blockBits)?.values[path & (blockSize - 1)];
  }

  has(path: number): boolean {
    return this.get(path) !== undefined;
  }

  set(path: number, value: Value): void {
    let block = this.#blocks.get(path >>> blockBits);
    if (block === undefined) {
      block = { values: Array.from<undefined>({ length: blockSize }), count: 0 };
      this.#blocks.set(path >>> blockBits, block);
    }
    const position = path & (blockSize - 1);
    if (block.values[position] === undefined) block.count++;
    block.values[position] = value;
  }

  delete(path: number): void {
    const block = this.#blocks.get(path >>> blockBits);
    const position = path & (blockSize - 1);
    if (block?.values[position] === undefined) return;
    block.values[position] = undefined;
    if (--block.count === 0) this.#blocks.delete(path >>> blockBits);
  }

  *[Symbol.iterator](): Generator<[path: number, value: Value]> {
    for (const [position, { values }] of this.#blocks) {
      for (const [index, value] of values.entries())
        if (value !== undefined) yield [(position << blockBits) | index, value];
    }
  }
}

/** The same for times, which would take three times as much as values. */
export class PathTimes {
  readonly #blocks = new Map<number, Float64Array>();

  get(path: number): number | undefined {
    const time = this.#blocks.get(path >>> blockBits)?.[path & (blockSize - 1)];
    return time === undefined || Number.isNaN(time) ? undefined : time;
  }

  set(path: number, time: number): void {
    let block = this.#blocks.get(path >>> blockBits);
    if (block === undefined) {
      block = new Float64Array(blockSize).fill(Number.NaN);
      this.#blocks.set(path >>> blockBits, block);
    }
    block[path & (blockSize - 1)] = time;
  }

  *[Symbol.iterator](): Generator<[path: number, time: number]> {
    for (const [position, times] of this.#blocks) {
      for (const [index, time] of times.entries())
        if (!Number.isNaN(time)) yield [(position << blockBits) | index, time];
    }
  }
}
