/** Keeps what is shown in step with the coordinator: asked for once, then whenever the live feed says that it changed. */
import { batch, effect, untracked } from "@preact/signals";
import type { FlowState, MatrixAnswer, NodeState, Page, Status } from "../../shared/api.ts";
import type { View } from "../model/view.ts";
import {
  changes,
  compared,
  flows,
  isLive,
  lostAt,
  nodes,
  shown,
  status,
  trouble,
  view,
  type Moment,
} from "../store.ts";
import { getBytes, getJson, isTokenWanted } from "./api.ts";
import { followEvents } from "./live.ts";

/** Changes come in bursts: a matrix is asked for at most so often. */
const atMostEveryMs = 400;
const pageSize = 1_000;

type FlowFilter = Pick<View, "spec" | "flow" | "port">;

export async function matrixAt(
  { spec, flow, port }: FlowFilter,
  at: string | undefined,
  signal?: AbortSignal,
): Promise<Moment> {
  if (at !== undefined) {
    const answer = await getJson<MatrixAnswer>("/matrix", { spec, flow, port, at }, signal);
    const codes = Uint8Array.fromBase64(answer.cells);
    return { at: Date.parse(answer.at), nodes: answer.nodes, cells: { size: answer.nodes.length, codes } };
  }
  const { bytes, headers } = await getBytes("/matrix", { spec, flow, port }, signal);
  if (bytes.length !== nodes.value.length ** 2) await loadNodes();
  return {
    at: Date.parse(headers.get("portmesh-at") ?? "") || Date.now(),
    nodes: nodes.value,
    cells: { size: nodes.value.length, codes: bytes },
  };
}

async function loadNodes(): Promise<void> {
  const all: NodeState[] = [];
  for (let after: string | undefined; ;) {
    const page = await getJson<Page<NodeState>>("/nodes", { limit: pageSize, after });
    all.push(...page.items);
    if (page.next === null) break;
    after = page.next;
  }
  nodes.value = all;
}

async function loadRest(): Promise<void> {
  const [newStatus, newFlows] = await Promise.all([
    getJson<Status>("/status"),
    getJson<Page<FlowState>>("/flows"),
  ]);
  if (newStatus.plan.version !== status.value?.plan.version || nodes.value.length === 0) await loadNodes();
  status.value = newStatus;
  flows.value = newFlows.items;
}

/** Runs one at a time; what is asked for meanwhile is done once afterwards. */
class Refresher {
  readonly #work: () => Promise<void>;
  #isWanted = false;
  #isRunning = false;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  ask(): void {
    this.#isWanted = true;
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      const startedAt = performance.now();
      try {
        await this.#work();
        trouble.value = undefined;
      } catch (error) {
        if (!isTokenWanted.value) trouble.value = (error as Error).message;
      }
      const restMs = atMostEveryMs - (performance.now() - startedAt);
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    }
    this.#isRunning = false;
  }
}

export function startLoading(signal: AbortSignal): void {
  const refresher = new Refresher(async () => {
    const { at, since, ...filter } = view.value;
    await loadRest();
    const [moment, before] = await Promise.all([
      matrixAt(filter, at),
      since === undefined ? undefined : matrixAt(filter, since),
    ]);
    batch(() => {
      shown.value = moment;
      compared.value = before;
      changes.value += 1;
    });
  });
  let asked = "";
  effect(() => {
    const { spec, flow, port, at, since } = view.value;
    const question = JSON.stringify([spec, flow, port, at, since]);
    if (question === asked) return;
    asked = question;
    untracked(() => refresher.ask());
  });
  effect(() => {
    if (!isTokenWanted.value) untracked(() => refresher.ask());
  });
  let counts = "";
  void followEvents(
    {
      onOpen: () => {
        isLive.value = true;
        lostAt.value = undefined;
        refresher.ask();
      },
      onLost: () => {
        isLive.value = false;
        lostAt.value ??= Date.now();
      },
      onEvent: (name, data) => {
        if (name === "status") {
          // Sweeps alone change no count, and are no reason to ask for a million cells.
          const { now: _now, ...rest } = data as Status;
          const told = JSON.stringify(rest);
          if (told === counts) return;
          counts = told;
        }
        refresher.ask();
      },
    },
    signal,
  );
}
