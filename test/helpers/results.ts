/** Frames of results as an agent sends them, from a line a result. */
import {
  outcomeKinds,
  probePhases,
  type ExchangeName,
  type OutcomeKind,
  type ProbePhase,
} from "../../shared/names.ts";
import type { Proof } from "../../shared/outcome.ts";
import type { ResultsMessage } from "../../shared/wire.ts";

export interface ResultLine {
  target: number;
  port: number;
  outcome?: OutcomeKind;
  phase?: ProbePhase;
  elapsedMs?: number;
  rttMs?: number;
  attempts?: number;
  code?: string;
  detail?: string;
  exchange?: ExchangeName;
  proof?: Proof;
}

export function resultsOf(lines: readonly ResultLine[]): ResultsMessage {
  return {
    type: "results",
    round: 1,
    target: lines.map(({ target }) => target),
    port: lines.map(({ port }) => port),
    outcome: lines.map(({ outcome = "open" }) => outcomeKinds.indexOf(outcome)),
    phase: lines.map(({ phase = "answer" }) => probePhases.indexOf(phase)),
    elapsedUs: lines.map(({ elapsedMs = 1 }) => elapsedMs * 1_000),
    rttUs: lines.map(({ rttMs = 0 }) => rttMs * 1_000),
    attempts: lines.map(({ attempts = 1 }) => attempts),
    details: lines.flatMap(({ code, detail, exchange, proof }, at) =>
      [code, detail, exchange, proof].every((part) => part === undefined)
        ? []
        : [
            {
              at,
              ...(code === undefined ? {} : { code }),
              ...(detail === undefined ? {} : { detail }),
              ...(exchange === undefined ? {} : { exchange }),
              ...(proof === undefined ? {} : { proof }),
            },
          ],
    ),
  };
}
