/** Middleboxes: real processes in the router (or on a host) to which a firewall rule diverts the traffic of one port. */
import { once } from "node:events";
import { join } from "node:path";
import type { BoxSettings } from "./boxes/box.ts";
import type { Fault } from "./faults.ts";
import type { Host, Lab } from "./lab.ts";
import type { Namespace } from "./namespace.ts";
import { strangeIdentity } from "./strange-identity.ts";
import { redirectChain } from "./translation.ts";

export type BoxName = "delay" | "tls-inspector" | "tls-only" | "stranger";

/** Resolves once it listens. It ends with the lab. */
export async function startBox(where: Namespace, box: BoxName, settings: BoxSettings): Promise<void> {
  const script = join(import.meta.dirname, "boxes", `${box}.ts`);
  const child = where.spawn(process.execPath, [script, JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const failed = once(child, "exit").then(() => {
    throw new Error(`the middlebox ${box} did not start`);
  });
  await Promise.race([once(child.stdout!, "data"), failed]);
}

export interface Interception {
  box: Exclude<BoxName, "stranger">;
  target: string;
  port: number;
  /** Where the box listens; the target's port plus 10,000 where it is absent. */
  boxPort?: number;
  delayMs?: number;
  blockedName?: string;
}

/** Puts a box between everybody and one TCP port of a host. */
export async function intercept(lab: Lab, interception: Interception): Promise<Fault> {
  const { box, target, port, boxPort = port + 10_000, delayMs, blockedName } = interception;
  const { address, address6 } = lab.host(target);
  await startBox(lab.router, box, {
    port: boxPort,
    upstream: { v4: address, v6: address6, port },
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(blockedName === undefined ? {} : { blockedName }),
    ...(box === "tls-inspector" ? await strangeIdentity() : {}),
  });
  const to = endpointOf(lab.host(target));
  return lab.rules("router", redirectChain({ to, transport: "tcp", ports: `${port}`, toPort: boxPort }));
}

export function endpointOf({ address, address6 }: Host): { v4: string; v6: string } {
  return { v4: address, v6: address6 };
}
