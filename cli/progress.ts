/**
 * Live progress of a check on stderr: a block that is redrawn in place on a terminal, a line every few
 * seconds elsewhere.
 */
import type { Progress } from "../coordinator/coordinator.ts";
import { formatDuration } from "../shared/duration.ts";
import { painter, type Terminal } from "./terminal.ts";

const barWidth = 20;
const plainEveryMs = 10_000;
const redrawMs = 100;

export class ProgressView {
  readonly #terminal: Terminal;
  readonly #source: () => Progress;
  readonly #isLive: boolean;
  readonly #timer: NodeJS.Timeout;
  #drawn = 0;
  #probingSince: number | undefined;
  #plannedProbes = 0;
  #last = "";
  #isPaused = false;

  constructor(terminal: Terminal, source: () => Progress) {
    this.#terminal = terminal;
    this.#source = source;
    this.#isLive = terminal.err.isTTY;
    this.#timer = setInterval(() => this.#draw(), this.#isLive ? redrawMs : plainEveryMs);
  }

  probing(planned: number): void {
    this.#isPaused = false;
    this.#probingSince = performance.now();
    this.#plannedProbes = planned;
    this.#draw();
  }

  /** A line that stays, above the block. */
  say(line: string): void {
    this.#erase();
    this.#terminal.err.write(`${line}\n`);
    this.#draw();
  }

  /** Takes the block away until there is something to show again. */
  clear(): void {
    this.#erase();
    this.#probingSince = undefined;
    this.#isPaused = true;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #draw(): void {
    if (this.#isPaused) return;
    const lines = this.#lines();
    if (!this.#isLive) {
      const line = lines.join("; ");
      if (line !== this.#last) this.#terminal.err.write(`${line}\n`);
      this.#last = line;
      return;
    }
    this.#erase();
    this.#terminal.err.write(lines.map((line) => `${line}\n`).join(""));
    this.#drawn = lines.length;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#terminal.err.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }

  #lines(): string[] {
    const { joined, listening, nodes, missing, probesDone, inspection, streams } = this.#source();
    const waiting =
      missing.length > 0 && this.#probingSince === undefined ? `  waiting for ${listSome(missing)}` : "";
    const lines = [
      this.#line("agents", joined, nodes, ""),
      this.#line("listening", listening, nodes, waiting),
    ];
    if (this.#probingSince !== undefined)
      lines.push(this.#line("probes", probesDone, this.#plannedProbes, this.#eta(probesDone)));
    if (inspection !== undefined && inspection.of > 0)
      lines.push(this.#line("endpoints", inspection.done, inspection.of, ""));
    if (streams !== undefined) lines.push(this.#line("bandwidth", streams.done, streams.of, " pairs"));
    return lines;
  }

  #line(name: string, done: number, of: number, note: string): string {
    if (!this.#isLive) return `${name} ${done}/${of}${note}`;
    const filled = of === 0 ? barWidth : Math.floor((barWidth * Math.min(done, of)) / of);
    const [full, empty] = this.#terminal.ascii ? ["#", "."] : ["█", "░"];
    const bar = full.repeat(filled) + empty.repeat(barWidth - filled);
    return `  ${name.padEnd(10)} ${painter(this.#terminal.err)("cyan", bar)} ${done}/${of}${note}`;
  }

  #eta(done: number): string {
    const elapsedMs = performance.now() - (this.#probingSince ?? 0);
    if (done === 0 || elapsedMs < 500 || done >= this.#plannedProbes) return "";
    const leftMs = (elapsedMs * (this.#plannedProbes - done)) / done;
    const eta = leftMs < 1_000 ? "" : `  ETA ${formatDuration(leftMs)}`;
    return `  ${Math.floor((100 * done) / this.#plannedProbes)}%${eta}`;
  }
}

function listSome(names: readonly string[]): string {
  return names.length <= 5
    ? names.join(", ")
    : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
