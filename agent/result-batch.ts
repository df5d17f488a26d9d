/** Collects results as columns, so that thousands of probes become a few frames. */
import { maxResultsPerFrame } from "../shared/link.ts";
import { outcomeKinds, probePhases } from "../shared/names.ts";
import type { ResultsMessage } from "../shared/wire.ts";
import type { ProbeResult } from "./prober.ts";

export class ResultBatch {
  readonly #round: number;
  readonly #send: (message: ResultsMessage) => void;
  readonly #ownAddresses: ReadonlySet<string>;
  #message: ResultsMessage;

  /** `ownAddresses` are the node's addresses as peers know them: any other source is worth telling. */
  constructor(round: number, ownAddresses: Iterable<string>, send: (message: ResultsMessage) => void) {
    this.#round = round;
    this.#send = send;
    this.#ownAddresses = new Set(ownAddresses);
    this.#message = emptyMessage(round);
  }

  add({ order, port, outcome }: ProbeResult): void {
    const message = this.#message;
    message.target.push(order.id);
    message.port.push(port);
    message.outcome.push(outcomeKinds.indexOf(outcome.kind));
    message.phase.push(probePhases.indexOf(outcome.phase));
    message.elapsedUs.push(Math.round(outcome.elapsedMs * 1_000));
    message.rttUs.push(outcome.rttMs === undefined ? 0 : Math.max(1, Math.round(outcome.rttMs * 1_000)));
    message.attempts.push(outcome.attempts);
    const { code, detail, exchange, proof } = outcome;
    // An open port with nothing more to say implies the common proof: this node, that port, seen from an
    // address of ours.
    const isCommon =
      proof === undefined
        ? outcome.kind !== "open"
        : proof.node === order.to && proof.port === port && this.#ownAddresses.has(proof.seenAddress);
    if (code !== undefined || detail !== undefined || exchange !== undefined || !isCommon) {
      message.details.push({
        at: message.target.length - 1,
        ...(code === undefined ? {} : { code: code.slice(0, 200) }),
        ...(detail === undefined ? {} : { detail: detail.slice(0, 200) }),
        ...(exchange === undefined ? {} : { exchange }),
        ...(proof === undefined ? {} : { proof }),
      });
    }
    if (message.target.length >= maxResultsPerFrame) this.flush();
  }

  flush(): void {
    if (this.#message.target.length === 0) return;
    this.#send(this.#message);
    this.#message = emptyMessage(this.#round);
  }
}

function emptyMessage(round: number): ResultsMessage {
  return {
    type: "results",
    round,
    target: [],
    port: [],
    outcome: [],
    phase: [],
    elapsedUs: [],
    rttUs: [],
    attempts: [],
    details: [],
  };
}
