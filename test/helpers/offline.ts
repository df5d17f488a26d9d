/** Offline agents in this process, on loopback, and the bundles they leave. */
import { signBundle } from "../../agent/bundle-file.ts";
import { runOffline } from "../../agent/offline.ts";
import { defaultPolicy } from "../../agent/policy.ts";
import { makeOfflinePlans } from "../../coordinator/offline-plans.ts";
import type { BundleContent, OfflinePlan } from "../../shared/offline.ts";
import { clusterOn } from "./agent-fixtures.ts";

export async function plansOn(
  network: number,
): Promise<{ a: OfflinePlan; b: OfflinePlan; authority: string }> {
  const { plans, authority } = await makeOfflinePlans(clusterOn(network), "install", [], 60_000, new Date());
  return { a: plans.get("a")!, b: plans.get("b")!, authority };
}

export interface OfflineParts {
  windowMs?: number;
  signal?: AbortSignal;
  tell?: (line: string) => void;
}

/** One agent's window; it tries again quickly. */
export function offlineContent(plan: OfflinePlan, parts: OfflineParts = {}): Promise<BundleContent> {
  const { windowMs = 6_000, signal = new AbortController().signal, tell = () => {} } = parts;
  const identity = { version: "test", host: "here" };
  // Whoever is not there yet is not waited for: on loopback nothing takes long.
  const hasty = { ...plan, timeoutMs: 800 };
  const config = { plan: hasty, policy: defaultPolicy, ...identity, windowMs, retryMs: 300 };
  return runOffline(config, { tell, now: () => new Date() }, signal);
}

/** The text of the bundle that comes of it. */
export async function offlineBundle(plan: OfflinePlan, parts: OfflineParts = {}): Promise<string> {
  return signBundle(await offlineContent(plan, parts), plan);
}
