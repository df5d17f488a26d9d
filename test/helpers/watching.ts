/** An agent that watches a cluster of one node, itself, for a coordinator of which the test says every word. */
import type { Test } from "tap";
import { runAgent } from "../../agent/agent.ts";
import type { Policy } from "../../agent/policy.ts";
import type { Observer } from "../../agent/observer.ts";
import type { GapMessage, PinglistMessage, SweepMessage } from "../../shared/watch-wire.ts";
import type { AgentMessage, WireListener, WireNode } from "../../shared/wire.ts";
import { agentConfig } from "./agent-fixtures.ts";
import { scriptedCoordinator, type ScriptedCoordinator } from "./scripted-coordinator.ts";

export interface WatchingAgent extends AsyncDisposable {
  coordinator: ScriptedCoordinator;
  /** What the agent told people. */
  said: string[];
  stateDir: string;
  address: string;
  /** Resolves or rejects as the agent does. */
  done: Promise<unknown>;
  stop(): Promise<void>;
}

export interface WatchingOptions {
  listeners?: WireListener[];
  respectServices?: boolean;
  stateDir?: string;
  giveUpMs?: number;
  observer?: Observer;
  policy?: Policy;
  /** Where there are others. */
  nodes?: WireNode[];
}

/** `random` of an agent is 0: it comes back at once, and its intervals are whole. */
export async function watchingAgent(
  t: Test,
  address: string,
  { listeners = [], respectServices = false, observer, nodes: all, ...config }: WatchingOptions = {},
): Promise<WatchingAgent> {
  const nodes = all ?? [{ index: 0, name: "a", addresses: [address] }];
  const coordinator = await scriptedCoordinator({ nodes, listeners, respectServices });
  const controller = new AbortController();
  const said: string[] = [];
  const full = { ...agentConfig(t), ...config, node: "a", join: coordinator.join };
  const agent = runAgent(
    full,
    { tell: (line) => void said.push(line), random: () => 0, now: () => new Date(), observer },
    controller.signal,
  );
  const stop = async (): Promise<void> => {
    controller.abort();
    await agent;
  };
  return {
    coordinator,
    said,
    stateDir: full.stateDir,
    address,
    done: agent,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await coordinator[Symbol.asyncDispose]();
    },
  };
}

/** Targets over one protocol at the node's own address. */
export interface OwnTarget {
  protocol: "tcp" | "udp";
  ports: string;
  shut?: string;
  to?: number;
}

export function pinglistOf(
  targets: readonly OwnTarget[],
  more: Partial<PinglistMessage> = {},
): PinglistMessage {
  const portSets = targets.flatMap(({ ports, shut }) => (shut === undefined ? [ports] : [ports, shut]));
  return {
    type: "pinglist",
    plan: 1,
    intervalMs: 300,
    timeoutMs: 400,
    budgetMs: 60_000,
    samples: 0,
    portSets,
    protocols: ["tcp", "udp"],
    to: targets.map(({ to = 0 }) => to),
    address: targets.map(() => 0),
    protocol: targets.map(({ protocol }) => (protocol === "tcp" ? 0 : 1)),
    ports: targets.map(({ ports }) => portSets.indexOf(ports)),
    shut: targets.map(({ shut }) => (shut === undefined ? -1 : portSets.indexOf(shut))),
    services: [],
    absent: [],
    ...more,
  };
}

/** What was heard of sweeps, in order. */
export function sweepsIn(heard: readonly AgentMessage[]): (SweepMessage | GapMessage)[] {
  return heard.filter((message) => message.type === "sweep" || message.type === "gap");
}
