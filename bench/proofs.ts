/** The proof exchange, by our prober and by the C program that shows what the kernel allows. */
import { join } from "node:path";
import type { Measurement, Sample } from "./measure.ts";
import { farAddress } from "./network.ts";
import { concurrency, epoch, firstPort, lastPort, type Setting } from "./setting.ts";

const countOf = { tcp: 50_000, udp: 200_000 } as const;
/** Loss under load is life; where more fails it was not the exchange that was measured. */
const maxFailures = 0.001;

export function limit(setting: Setting, protocol: "tcp" | "udp"): Measurement {
  return {
    id: `${protocol}-limit`,
    title: `${protocol} proof, C (the limit)`,
    unit: "/s",
    run: async () =>
      sampleOf(
        await setting.network.run("near", setting.limit, ["probe", ...exchange(setting, protocol, "hex")]),
      ),
  };
}

export function ours(setting: Setting, protocol: "tcp" | "udp"): Measurement {
  const prober = join(import.meta.dirname, "prober.ts");
  return {
    id: `${protocol}-ours`,
    title: `${protocol} proof, Portmesh`,
    unit: "/s",
    run: async () =>
      sampleOf(
        await setting.network.run("near", process.execPath, [
          prober,
          ...exchange(setting, protocol, "base64url"),
        ]),
      ),
  };
}

function exchange({ key }: Setting, protocol: "tcp" | "udp", encoding: "hex" | "base64url"): string[] {
  const numbers = [epoch, countOf[protocol], concurrency].map(String);
  return [protocol, farAddress, String(firstPort), String(lastPort), key.toString(encoding), ...numbers];
}

function sampleOf(output: string): Sample {
  const { probes, failed, seconds, cpu, rssMb } = JSON.parse(output) as Record<string, number>;
  if (failed! > probes! * maxFailures) throw new Error(`${failed} of ${probes} probes failed`);
  return {
    value: probes! / seconds!,
    cpuMicros: (cpu! * 1e6) / probes!,
    ...(rssMb === undefined ? {} : { rssMb }),
  };
}
