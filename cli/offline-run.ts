/** `portmesh agent --offline`: one window without a coordinator, and the bundle that comes of it. */
import { hostname } from "node:os";
import { PortmeshError } from "../shared/errors.ts";
import { interruptible } from "./interrupt.ts";
import type { Terminal } from "./terminal.ts";
import { portmeshVersion } from "./version.ts";

export interface OfflineFlags {
  offline: string;
  for: number;
  bundle?: string;
  policy?: string;
}

/** A timer cannot wait for longer. */
const maxWindowMs = 24 * 86_400_000;

export async function offlineCommand(flags: OfflineFlags, terminal: Terminal): Promise<number> {
  if (flags.for < 1_000 || flags.for > maxWindowMs)
    throw new PortmeshError("usage", "--for must be from 1s to 24d");
  const [{ readOfflinePlan }, { defaultRetryMs, runOffline }, bundles, { defaultPolicy }, ports] =
    await Promise.all([
      import("./offline-plan-file.ts"),
      import("../agent/offline.ts"),
      import("../agent/bundle-file.ts"),
      import("../agent/policy.ts"),
      import("../shared/ports.ts"),
    ]);
  const plan = readOfflinePlan(flags.offline);
  const policy =
    flags.policy === undefined ? defaultPolicy : (await import("./policy-file.ts")).readPolicy(flags.policy);
  const probes = plan.targets.reduce(
    (sum, target) => sum + ports.countPorts(ports.readPorts(target.ports) ?? []),
    0,
  );
  const path = flags.bundle ?? `${plan.nodes[plan.node]?.name ?? "node"}.bundle`;
  await using file = await bundles.BundleFile.reserve(path, bundles.expectedBundleBytes(plan, probes));
  using interrupt = interruptible();
  const tell = (line: string): void => void terminal.err.write(`${line}\n`);
  const content = await runOffline(
    {
      plan,
      policy,
      version: portmeshVersion(),
      host: hostname(),
      windowMs: flags.for,
      retryMs: defaultRetryMs,
    },
    { tell, now: () => new Date() },
    interrupt.signal,
  );
  await file.write(bundles.signBundle(content, plan));
  tell(`wrote ${path}${content.interrupted ? ", interrupted before its time" : ""}`);
  return interrupt.exitCode ?? 0;
}
