/** How long one agent process needs to hold 2,768 TCP and 2,768 UDP ports, and what memory. */
import { join } from "node:path";
import { Authority } from "../coordinator/authority.ts";
import { createKeyPair } from "../shared/key-pair.ts";
import { certificateName } from "../shared/link.ts";
import type { Measurement } from "./measure.ts";
import { nearAddress } from "./network.ts";
import { firstPort, lastPort, portCount, type Setting } from "./setting.ts";

/** As `bin/portmesh` starts an agent. */
const agentFlags = ["--max-semi-space-size=1", "--optimize-for-size", "--no-opt"];

export async function holding({ network, key }: Setting): Promise<Measurement> {
  const authority = await Authority.create(new Date());
  const pair = createKeyPair();
  const cert = await authority.certify(pair.publicKey, certificateName("bench"), new Date());
  const certificate = { cert, key: pair.privateKey, ca: authority.certificatePem };
  const input = JSON.stringify({ secret: key.toString("base64url"), certificate });
  const hold = [
    ...agentFlags,
    join(import.meta.dirname, "hold.ts"),
    nearAddress,
    String(firstPort),
    String(lastPort),
  ];
  return {
    id: "listeners",
    title: `one agent begins to hold ${2 * portCount} ports`,
    unit: "s",
    async run() {
      const output = await network.run("near", process.execPath, hold, { input });
      const { bound, exceptions, seconds, rssMb } = JSON.parse(output) as {
        bound: number;
        exceptions: unknown[];
        seconds: number;
        rssMb: number;
      };
      if (bound !== 2 * portCount)
        throw new Error(`only ${bound} ports were bound: ${JSON.stringify(exceptions)}`);
      return { value: seconds, rssMb };
    },
  };
}
