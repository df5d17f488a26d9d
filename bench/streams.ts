/** What one stream between two agents can tell of a link that is faster than they are, beside iperf3 with one stream. */
import { join } from "node:path";
import type { Measurement } from "./measure.ts";
import { farAddress } from "./network.ts";
import { epoch, type Setting } from "./setting.ts";

/** As `bin/portmesh` starts an agent. */
const agentFlags = ["--max-semi-space-size=1", "--optimize-for-size", "--no-opt"];
const port = 29_000;
const iperfPort = 29_001;
/** The defaults of a check. */
const warmUpMs = 250;
const durationMs = 1_000;

export async function streams({ network, key }: Setting): Promise<[there: Measurement, back: Measurement]> {
  const place = [farAddress, String(port), key.toString("base64url"), String(epoch)];
  const end = [...agentFlags, join(import.meta.dirname, "stream-end.ts")];
  await network.start("far", process.execPath, [...end, "listen", ...place], "ready");
  const measurement = (direction: "there" | "back"): Measurement => ({
    id: `stream-${direction}`,
    title: `stream ${direction}, two agents`,
    unit: "Gbit/s",
    async run() {
      const limits = [warmUpMs, durationMs].map(String);
      const output = await network.run("near", process.execPath, [...end, direction, ...place, ...limits]);
      const { bitsPerSecond, rssMb } = JSON.parse(output) as { bitsPerSecond: number; rssMb: number };
      return { value: bitsPerSecond / 1e9, rssMb };
    },
  });
  return [measurement("there"), measurement("back")];
}

export async function iperf({ network }: Setting): Promise<Measurement> {
  await network.start(
    "far",
    "iperf3",
    ["-s", "-B", farAddress, "-p", String(iperfPort), "--forceflush"],
    "listening",
  );
  const seconds = String(durationMs / 1_000);
  const client = ["-c", farAddress, "-p", String(iperfPort), "-t", seconds, "-O", "1", "-J"];
  return {
    id: "stream-iperf3",
    title: "stream, iperf3 with one stream",
    unit: "Gbit/s",
    async run() {
      const output = await network.run("near", "iperf3", client);
      const { end } = JSON.parse(output) as { end: { sum_received: { bits_per_second: number } } };
      return { value: end.sum_received.bits_per_second / 1e9 };
    },
  };
}
