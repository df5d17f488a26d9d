/** blackbox_exporter, module tcp_connect, asked through its HTTP endpoint as Prometheus does. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Measurement } from "./measure.ts";
import { farAddress } from "./network.ts";
import { firstPort, lastPort, type Setting } from "./setting.ts";

const count = 10_000;
/** More does not make it faster. */
const inFlight = 64;
const listenAddress = "127.0.0.1:9115";

const modules = `modules:
  tcp_connect:
    prober: tcp
    timeout: 5s
    tcp: { preferred_ip_protocol: ip4 }
`;

/** Starts the exporter on the probing host. */
export async function blackbox({ network, folder }: Setting): Promise<Measurement> {
  const configuration = join(folder, "blackbox.yml");
  writeFileSync(configuration, modules);
  const exporter = await network.start(
    "near",
    "prometheus-blackbox-exporter",
    [`--config.file=${configuration}`, `--web.listen-address=${listenAddress}`, "--history.limit=1"],
    "Listening on",
  );
  const client = join(import.meta.dirname, "blackbox-client.ts");
  const range = [firstPort, lastPort, count, inFlight].map(String);
  return {
    id: "tcp-blackbox",
    title: `tcp connect, blackbox_exporter (${inFlight} requests in flight)`,
    unit: "/s",
    async run() {
      const before = cpuSeconds(exporter.pid!);
      const output = await network.run("near", process.execPath, [
        client,
        listenAddress,
        farAddress,
        ...range,
      ]);
      const { probes, failed, seconds } = JSON.parse(output) as {
        probes: number;
        failed: number;
        seconds: number;
      };
      if (failed > probes / 1_000) throw new Error(`blackbox_exporter: ${failed} of ${probes} probes failed`);
      return { value: probes / seconds, cpuMicros: ((cpuSeconds(exporter.pid!) - before) * 1e6) / probes };
    },
  };
}

/** CPU time of a process so far: fields 14 and 15 of proc(5) `stat`, in ticks of which Linux has 100 a second. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
