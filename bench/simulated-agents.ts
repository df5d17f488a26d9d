/**
 * Agents of a watched cluster that probe nothing: each has a link of its own, joins as a real agent does, and tells
 * every interval of round trips as a network has them. Told to, half of them is cut off from the other half: then they
 * tell what real agents would, and answer when they are asked to look again.
 *
 *   simulated-agents.ts JOIN-STRING FIRST COUNT OF [hold]
 *
 * Nodes are n1 to nOF; this process is COUNT of them, from nFIRST on; with `hold` they hold their ports and answer probes. The line
 * `cut` on standard input divides them, and the last node is down from then on; `heal` joins them again.
 */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Link, reconnectDelayMs } from "../agent/link.ts";
import { Listeners } from "../agent/listeners.ts";
import { RequestLog } from "../agent/request-log.ts";
import { parseJoinString } from "../shared/join-string.ts";
import { createKeyPair } from "../shared/key-pair.ts";
import { addressAt } from "../shared/pair-table.ts";
import { countPorts, readPorts } from "../shared/ports.ts";
import { epochKey } from "../shared/proof.ts";
import { formatRanges } from "../shared/ranges.ts";
import { noiseOf } from "./noise.ts";
import { rttBucket, type OddGroup, type PinglistMessage } from "../shared/watch-wire.ts";
import type { CoordinatorMessage, WelcomeMessage } from "../shared/wire.ts";

const [joinText = "", first = "1", count = "1", of = "1", hold = ""] = process.argv.slice(2);
/** Without relays: the addresses of the nodes are made up, and may be somebody's. */
const join = { ...parseJoinString(joinText), relays: [] };
const nodeCount = Number(of);
/** As a fleet spreads them. */
const joinsPerStep = 10;
const stepMs = 100;
const maxAttempts = 20;
const keys = createKeyPair();
const never = new AbortController().signal;
let isCut = false;

const noise = noiseOf(65_536);

/** The first half is one zone, the second another. */
const zoneOf = (node: number): number => Number(node >= nodeCount / 2);

/** What is kept of a pinglist: a thousand of them are in this process. */
interface Duties {
  plan: number;
  intervalMs: number;
  to: Uint16Array;
  ports: Uint8Array;
  portSets: readonly string[];
  absent: readonly number[];
  usual: Uint8Array;
}

class SimulatedAgent {
  readonly #node: number;
  #link!: Link;
  #duties: Duties | undefined;
  #timer: NodeJS.Timeout | undefined;
  #session: string | undefined;
  #listeners: Listeners | undefined;
  #seq = 0;

  constructor(node: number) {
    this.#node = node;
  }

  /** Comes back when the link ends, as agents do. */
  async run(): Promise<void> {
    for (;;) {
      this.#link = await this.#dial();
      await this.#link.send({
        type: "hello",
        node: `n${this.#node + 1}`,
        token: join.token,
        ...(this.#session === undefined ? {} : { session: this.#session }),
        version: "simulated",
        host: "simulated",
        pid: process.pid,
        publicKey: keys.publicKey,
      });
      const { code, reason } = await this.#link.ended;
      clearTimeout(this.#timer);
      console.log(`n${this.#node + 1}: the link ended: ${code} ${reason}`);
      await sleep(reconnectDelayMs(0, nodeCount, Math.random));
    }
  }

  /** A coordinator that has enough to do with others says so, and is asked again. */
  async #dial(): Promise<Link> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await Link.open(join, (message) => this.#hear(message), Math.random, never);
      } catch (error) {
        if (attempt === maxAttempts) throw error;
        await sleep(reconnectDelayMs(attempt, nodeCount, Math.random));
      }
    }
  }

  #hear(message: CoordinatorMessage): void {
    switch (message.type) {
      case "welcome": {
        this.#session = message.session;
        void this.#listen(message);
        break;
      }
      case "pinglist":
        clearTimeout(this.#timer);
        this.#duties = this.#dutiesOf(message);
        this.#timer = setTimeout(() => this.#sweep(), Math.random() * message.intervalMs);
        break;
      case "absent":
        if (this.#duties !== undefined) this.#duties.absent = message.nodes;
        break;
      case "time":
        void this.#link.send({ type: "time", id: message.id, at: Date.now() });
        break;
      case "inspect":
        void this.#link.send({ type: "inspected", round: message.round });
        break;
      case "look":
        // What was cut off has seen nothing.
        void this.#link.send({
          type: "sightings",
          look: message.look,
          answers: message.questions.map(() => ({ saw: "", mute: "", absent: "" })),
          stalledMs: 0,
          longestStallMs: 0,
        });
        break;
      case "again": {
        const odd = new OddTargets();
        for (const { target, ports } of message.targets) {
          const kind = this.#oddityOf(target);
          if (kind !== undefined) odd.add(target, kind, ports);
        }
        void this.#link.send({
          type: "again",
          again: message.again,
          plan: message.plan,
          odd: odd.groups,
          agoMs: 0,
          tookMs: 0,
        });
        break;
      }
      default:
        break;
    }
  }

  async #listen({
    node,
    nodes,
    listeners,
    epoch,
    certificate,
    authority,
    round,
  }: WelcomeMessage): Promise<void> {
    const wanted = listeners.map(({ transport, address, ports }) => ({
      transport,
      address: addressAt(nodes[node]!, address),
      ports: readPorts(ports)!,
    }));
    if (hold === "hold" && this.#listeners === undefined) {
      this.#listeners = new Listeners({
        epoch: epochKey(epoch.id, epoch.secret),
        node,
        certificate: { cert: certificate, key: keys.privateKey, ca: authority },
        requests: new RequestLog(),
      });
      const { exceptions } = await this.#listeners.reconcile(wanted);
      if (exceptions.length > 0) throw new Error(`ports are not to be had: ${JSON.stringify(exceptions[0])}`);
    }
    const bound = wanted.reduce((sum, { ports }) => sum + countPorts(ports), 0);
    void this.#link.send({ type: "listening", round, bound, elapsedMs: 10, exceptions: [] });
  }

  #dutiesOf({ plan, intervalMs, to, ports, portSets, absent, protocol }: PinglistMessage): Duties {
    // Ways differ from each other, and so do protocols on the same way.
    const usual = Uint8Array.from(to, (far, index) => {
      const isNear = zoneOf(far) === zoneOf(this.#node);
      const way = rttBucket(isNear ? 0.3 : 1.2) + ((far * 7 + this.#node * 3) % 4);
      return way + (protocol[index] ?? 0) * 3;
    });
    return {
      plan,
      intervalMs,
      to: Uint16Array.from(to),
      ports: Uint8Array.from(ports),
      portSets,
      absent,
      usual,
    };
  }

  #sweep(): void {
    const duties = this.#duties!;
    this.#timer = setTimeout(() => this.#sweep(), duties.intervalMs * (0.9 + Math.random() / 10));
    const { plan, to, ports, portSets, absent, usual } = duties;
    const start = Math.floor(Math.random() * noise.length);
    const missing = new Set(absent);
    const odd = new OddTargets();
    const rtt = usual.map((bucket, target) => {
      if (missing.has(to[target]!)) return 0;
      const kind = this.#oddityOf(target);
      if (kind === undefined) return Math.max(1, bucket + noise[(start + target) % noise.length]!);
      odd.add(target, kind, portSets[ports[target]!]!);
      return 0;
    });
    void this.#link.send({
      type: "sweep",
      origin: `n${this.#node + 1}`,
      seq: ++this.#seq,
      plan,
      late: false,
      probes: to.length,
      rtt: Buffer.from(rtt).toString("base64"),
      odd: odd.groups,
      agoMs: 500,
      tookMs: 400,
      skipped: [...absent],
      cut: "",
      fullSweepMs: 0,
      stalledMs: 0,
    });
  }

  #oddityOf(target: number): "silent" | "unreachable" | undefined {
    if (!isCut) return undefined;
    const far = this.#duties!.to[target]!;
    if (far === nodeCount - 1) return "unreachable";
    return zoneOf(far) === zoneOf(this.#node) ? undefined : "silent";
  }
}

/** Told together where they fared the same, as agents do. */
class OddTargets {
  readonly #targets = new Map<string, { kind: "silent" | "unreachable"; ports: string; targets: number[] }>();

  add(target: number, kind: "silent" | "unreachable", ports: string): void {
    const key = `${kind} ${ports}`;
    const same = this.#targets.get(key);
    if (same === undefined) this.#targets.set(key, { kind, ports, targets: [target] });
    else same.targets.push(target);
  }

  get groups(): OddGroup[] {
    return Array.from(this.#targets.values(), ({ kind, ports, targets }) => ({
      targets: formatRanges(targets.toSorted((a, b) => a - b)),
      ports,
      kind,
      phase: "connect",
      // A host that is not there is given up on after three seconds, a silent port after the time-out.
      elapsedMs: kind === "silent" ? 4_000 : 3_050,
      attempts: 2,
      ...(kind === "silent" ? {} : { code: "EHOSTUNREACH" }),
    }));
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  isCut = line === "cut";
});
const running: Promise<void>[] = [];
for (let index = 0; index < Number(count); index++) {
  running.push(new SimulatedAgent(Number(first) - 1 + index).run());
  if (index % joinsPerStep === joinsPerStep - 1) await sleep(stepMs);
}
console.log("all have dialled");
await Promise.all(running);
