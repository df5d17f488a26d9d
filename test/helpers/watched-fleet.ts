/** The coordinator of a watched cluster with a real journal, and agents that tell what a test wants. */
import { once } from "node:events";
import { openJournal } from "../../coordinator/journal/open-journal.ts";
import type { Journal, KeptTransition } from "../../coordinator/journal/journal.ts";
import { createRunIdentity, type RunIdentity } from "../../coordinator/run-identity.ts";
import { ClusterView } from "../../coordinator/watch/cluster-view.ts";
import { WatchCoordinator } from "../../coordinator/watch/watch-coordinator.ts";
import type { Cluster } from "../../shared/cluster-file.ts";
import { SimulatedAgent } from "./simulated-agent.ts";

export interface WatchedFleet extends AsyncDisposable {
  coordinator: WatchCoordinator;
  view: ClusterView;
  journal: Journal;
  identity: RunIdentity;
  transitions: KeptTransition[];
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
  const identity = kept ?? (await createRunIdentity(new Date()));
  const journal = await openJournal({ folder, now });
  const coordinator = await WatchCoordinator.start({
    cluster,
    host: "127.0.0.1",
    port: 0,
    advertise: undefined,
    identity,
    journal,
    phase: "runtime",
    skip: [],
    now: () => new Date(now()),
    // Both clocks are where the test has them.
    monotonic: () => performance.now() + now() - Date.now(),
  });
  const transitions: KeptTransition[] = [];
  coordinator.on("transitions", (each) => transitions.push(...each));
  const agents: SimulatedAgent[] = [];
  return {
    coordinator,
    view: new ClusterView(coordinator),
    journal,
    identity,
    transitions,
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
      await coordinator[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}
