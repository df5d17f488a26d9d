/** The coordinator of a watched cluster with a real journal, and agents that tell what a test wants. */
import { once } from "node:events";
import type { RunIdentity } from "../../coordinator/run-identity.ts";
import { ClusterView } from "../../coordinator/watch/cluster-view.ts";
import type { Cluster } from "../../shared/cluster-file.ts";
import { SimulatedAgent } from "./simulated-agent.ts";
import { watch, type Watched } from "./watch-coordinator.ts";

export interface WatchedFleet extends Watched {
  view: ClusterView;
  agents: SimulatedAgent[];
  /** All agents join and tell that all is well. */
  join(): Promise<void>;
  until(transitions: number): Promise<void>;
}

const patienceMs = 20_000;

export async function watchedFleet(
  folder: string,
  cluster: Cluster,
  kept?: RunIdentity,
  now: () => number = Date.now,
): Promise<WatchedFleet> {
  const watched = await watch(folder, {
    cluster,
    ...(kept === undefined ? {} : { identity: kept }),
    now: () => new Date(now()),
    // Both clocks are where the test has them.
    monotonic: () => performance.now() + now() - Date.now(),
  });
  const { coordinator, transitions } = watched;
  const agents: SimulatedAgent[] = [];
  return {
    ...watched,
    view: new ClusterView(coordinator),
    agents,
    async join() {
      const names = cluster.nodes.map(({ name }) => name);
      const seq = kept === undefined ? 0 : 1_000;
      agents.push(
        ...(await Promise.all(
          names.map((name) => SimulatedAgent.join(name, coordinator.joinString, { seq })),
        )),
      );
      await Promise.all(agents.map((agent) => agent.sweep({ skipped: [] })));
    },
    async until(count) {
      const signal = AbortSignal.timeout(patienceMs);
      while (transitions.length < count) await once(coordinator, "transitions", { signal });
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent.leave(false);
      await watched[Symbol.asyncDispose]();
    },
  };
}
