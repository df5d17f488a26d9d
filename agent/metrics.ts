/**
 * What an agent tells Prometheus. Few series, since every node has an agent: a thousand of them are a tenth of what
 * the default metrics of a process alone would be. Loaded only where it is asked for.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { listenerStates } from "../shared/names.ts";
import type { AgentState, Observer } from "./observer.ts";

/** A sweep of a small cluster takes parts of a second, one of wide ranges minutes. */
const sweepBuckets = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export interface AgentMetrics extends Observer {
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  contentType: string;
}

export function agentMetrics(node: string, version: string): AgentMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ node });
  const registers = [registry];
  let state: AgentState | undefined;

  const gauge = (name: string, help: string, value: () => number): void => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          this.set(value());
        },
      }),
    );
  };
  const counted = (name: string, help: string, value: () => number): void => {
    registry.registerMetric(
      new Counter({
        name,
        help,
        registers: [],
        collect() {
          this.reset();
          this.inc(value());
        },
      }),
    );
  };

  const info = new Gauge({
    name: "portmesh_build_info",
    help: "What runs here; always 1.",
    labelNames: ["version", "node_version", "component"],
    registers,
  });
  info.set({ version, node_version: process.versions.node, component: "agent" }, 1);
  const probes = new Counter({
    name: "portmesh_agent_probes_total",
    help: "Probes by what the network did, second looks included.",
    labelNames: ["protocol", "outcome"],
    registers,
  });
  const refused = new Counter({
    name: "portmesh_agent_probes_refused_total",
    help: "Probes that were not sent because the policy of this node forbids them.",
    registers,
  });
  const sweeps = new Histogram({
    name: "portmesh_agent_sweep_duration_seconds",
    help: "How long sweeps of the pinglist took.",
    buckets: sweepBuckets,
    registers,
  });
  const stalled = new Counter({
    name: "portmesh_agent_stalled_seconds_total",
    help: "For how long this process did not get to run during its sweeps.",
    registers,
  });
  gauge("portmesh_agent_backlog_sweeps", "Sweeps that the coordinator has not acknowledged.", () =>
    state === undefined ? 0 : state.backlog.sweeps,
  );
  gauge("portmesh_agent_backlog_bytes", "What they take, on disk or in memory.", () =>
    state === undefined ? 0 : state.backlog.bytes,
  );
  counted("portmesh_agent_sweeps_dropped_total", "Sweeps that there was no room to keep: gaps.", () =>
    state === undefined ? 0 : state.backlog.dropped,
  );
  gauge("portmesh_agent_connected", "Whether there is a link to the coordinator.", () =>
    Number(state?.isConnected === true),
  );
  const listeners = new Gauge({
    name: "portmesh_agent_listeners",
    help: "Ports of this node by what became of them.",
    labelNames: ["state"],
    registers: [],
    collect(this: Gauge<"state">) {
      for (const each of listenerStates) this.set({ state: each }, state?.listeners[each] ?? 0);
    },
  });
  registry.registerMetric(listeners);
  counted("process_cpu_seconds_total", "User and system time.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge("process_resident_memory_bytes", "Memory.", () => process.memoryUsage.rss());
  gauge("process_start_time_seconds", "When this process began, in seconds since 1970.", () =>
    Math.round(Date.now() / 1_000 - process.uptime()),
  );

  return {
    probed: (protocol, outcome) => probes.inc({ protocol, outcome }),
    refused: (count) => refused.inc(count),
    swept: (tookMs, stalledMs) => {
      sweeps.observe(tookMs / 1_000);
      stalled.inc(stalledMs / 1_000);
    },
    watch: (watched) => {
      state = watched;
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
