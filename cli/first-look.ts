/** Says once how a cluster stands, when that is known: of what is as it was before nobody hears otherwise. */
import { verdicts } from "../shared/names.ts";
import { sumOf } from "../shared/verdict-counts.ts";
import type { Counts } from "../shared/api.ts";
import type { Terminal } from "./terminal.ts";
import type { RunningWatch } from "./watching.ts";

/** Whoever has told nothing by then is not waited for. */
const patientIntervals = 3;

type Watched = Pick<RunningWatch, "coordinator" | "view" | "signal" | "url">;

export function tellFirstLook(
  { coordinator, view, signal, url }: Watched,
  { err }: Pick<Terminal, "err">,
): void {
  const sweeps = new Map<string, number>();
  const over = new AbortController();
  const tell = (): void => {
    over.abort();
    const { nodes } = view.plan;
    const told = nodes.filter(({ name }) => sweeps.has(name)).length;
    const endpoints = view.endpointCounts();
    const all = [
      inWords(view.counts(), "paths"),
      ...(sumOf(endpoints) === 0 ? [] : [inWords(endpoints, "endpoints")]),
    ];
    const unknown = view.counts().unknown === 0 ? "" : `; ${url}/api/v1/paths?verdict=unknown says why`;
    err.write(`${told} of ${nodes.length} agents have told: ${all.join("; ")}${unknown}\n`);
  };
  const isKnown = (times: number): boolean =>
    view.plan.nodes.every(({ name }) => (sweeps.get(name) ?? 0) >= times);
  const swept = (node: number): void => {
    const { name } = view.plan.nodes[node]!;
    sweeps.set(name, (sweeps.get(name) ?? 0) + 1);
  };
  // What fails is asked about before it is judged, until the next sweep at most.
  const changed = (): void => {
    if (isKnown(view.counts().unknown === 0 ? 1 : 2)) tell();
  };
  const timer = setTimeout(tell, patientIntervals * coordinator.cluster.probing.intervalMs);
  coordinator.on("swept", swept);
  coordinator.on("changed", changed);
  AbortSignal.any([signal, over.signal]).addEventListener("abort", () => {
    clearTimeout(timer);
    coordinator.off("swept", swept);
    coordinator.off("changed", changed);
  });
}

/** `60 paths, 58 pass, 2 fail` */
function inWords(counts: Counts, what: string): string {
  const found = verdicts
    .filter((verdict) => counts[verdict] > 0)
    .map((verdict) => `${counts[verdict]} ${verdict}`);
  return [`${sumOf(counts)} ${what}`, ...found].join(", ");
}
