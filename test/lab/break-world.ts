/** Breaks in a lab what a world says is broken. */
import type { Fault } from "./faults.ts";
import { ruleOf } from "./filters.ts";
import type { Lab } from "./lab.ts";
import { endpointOf, intercept, startBox } from "./middlebox.ts";
import { dnatChain, masqueradeChain, redirectChain, type TranslatedTraffic } from "./translation.ts";
import type { WorldFault } from "./world.ts";

/** A host without an agent, which answers where an agent should. */
export const strangerName = "stranger";
const strangerPort = 4_000;

export async function startStranger(lab: Lab): Promise<void> {
  const settings = { port: strangerPort, upstream: { v4: "", v6: "", port: 0 } };
  await startBox(lab.host(strangerName), "stranger", settings);
}

/** Undefined where there is nothing to install. */
export async function breakOne(lab: Lab, fault: WorldFault): Promise<Fault | undefined> {
  if (fault.kind === "absent") return undefined;
  const { transport, ports } = fault;
  const formatted = ports[0] === ports[1] ? `${ports[0]}` : ports.join("-");
  if (fault.kind === "filter") {
    const { line, prober, target } = fault;
    return lab.fault(ruleOf(line, { prober, target, transport, ports: formatted }));
  }
  const target = fault.targets[0]!;
  const to = endpointOf(lab.host(target));
  const traffic: TranslatedTraffic = { to, transport, ports: formatted };
  switch (fault.kind) {
    case "other-port":
      return fault.atHome
        ? lab.rules(target, redirectChain({ ...traffic, toPort: fault.newPort }))
        : lab.rules("router", dnatChain({ ...traffic, newTo: to, newPort: fault.newPort }));
    case "other-host": {
      const newTo = endpointOf(lab.host(fault.newTarget));
      return lab.rules("router", dnatChain({ ...traffic, newTo, newPort: ports[0] }));
    }
    case "stranger": {
      const newTo = endpointOf(lab.host(strangerName));
      return lab.rules("router", dnatChain({ ...traffic, newTo, newPort: strangerPort }));
    }
    case "inspected":
      return intercept(lab, { box: "tls-inspector", target, port: ports[0], boxPort: boxPort() });
    case "tls-only":
      return intercept(lab, { box: "tls-only", target, port: ports[0], boxPort: boxPort() });
    case "masqueraded":
      return lab.rules("router", masqueradeChain(traffic));
  }
}

let boxes = 0;

/** All boxes of a lab live in its router, and the same port of two hosts may be diverted. */
function boxPort(): number {
  return 40_000 + (boxes++ % 10_000);
}
