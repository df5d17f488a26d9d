/**
 * nmap over the same 2,768 ports. Its own clock is used, which leaves its start-up out, as for ours.
 *
 * UDP has two sides. Ports that answer are what nmap can say something about, and there it is compared. Against
 * listeners that are silent to strangers, as ours are, it can be told to wait for almost nothing: then it is
 * as fast as it can write packets, and calls every port `open|filtered`, also those behind a firewall.
 */
import type { Measurement, Sample } from "./measure.ts";
import { echoAddress, farAddress } from "./network.ts";
import { firstPort, lastPort, portCount, type Setting } from "./setting.ts";

const common = ["-Pn", "-n", "--disable-arp-ping", "-v", "-p", `${firstPort}-${lastPort}`];
const fast = ["-T5", "--host-timeout", "60s"];

/** Which is fastest depends on the host, so all run and the best one counts. */
const waysThatWait = [
  ["--max-retries", "1"],
  ["--max-retries", "1", "--min-parallelism", "500"],
  ["--max-retries", "0", "--min-rate", "100000"],
];

export function nmapTcp(setting: Setting): Measurement[] {
  return waysThatWait.map((way, index) => ({
    id: `tcp-nmap-${index + 1}`,
    title: `tcp connect, nmap -sT -T5 ${way.join(" ")}`,
    unit: "/s",
    run: () => scan(setting, farAddress, ["-sT", ...fast, ...way], portCount),
  }));
}

export function nmapUdp(setting: Setting): Measurement[] {
  return waysThatWait.map((way, index) => ({
    id: `udp-nmap-${index + 1}`,
    title: `udp ports that answer, nmap -sU -T5 ${way.join(" ")}`,
    unit: "/s",
    run: () => scan(setting, echoAddress, ["-sU", ...fast, ...way], portCount),
  }));
}

/** Silent ports, as ours are to strangers: nmap waits its shortest own time-out (300 ms) once and learns nothing. */
export function nmapSilent(setting: Setting): Measurement {
  const way = ["--max-retries", "0", "--min-rate", "100000"];
  return {
    id: "udp-nmap-silent",
    title: `udp ports that are silent, nmap -sU -T5 ${way.join(" ")}`,
    unit: "/s",
    run: () => scan(setting, farAddress, ["-sU", ...fast, ...way], 0),
  };
}

export function nmapBlind(setting: Setting): Measurement {
  const blind = [
    "--max-retries",
    "0",
    "--min-rate",
    "1000000",
    "--initial-rtt-timeout",
    "5ms",
    "--max-rtt-timeout",
    "5ms",
  ];
  return {
    id: "udp-nmap-blind",
    title: "udp sent and not waited for, nmap -sU --min-rate 1000000 --max-rtt-timeout 5ms",
    unit: "/s",
    run: () => scan(setting, farAddress, ["-sU", ...fast, ...blind], 0),
  };
}

/** `leastOpen`: how many ports it must find open, or something else was measured. */
async function scan(
  { network }: Setting,
  address: string,
  how: readonly string[],
  leastOpen: number,
): Promise<Sample> {
  const output = await network.run("near", "nmap", [...how, ...common, address]);
  const seconds = /^Completed (?:UDP|Connect) Scan at .*, ([\d.]+)s elapsed/m.exec(output)?.[1];
  if (seconds === undefined) throw new Error(`nmap ${how.join(" ")}: says nothing of its time`);
  const open = output.match(/^\d+\/(?:tcp|udp)\s+open\s/gm)?.length ?? 0;
  // Without retries nmap loses a few on a busy host.
  if (open < leastOpen * 0.9)
    throw new Error(`nmap ${how.join(" ")}: found ${open} of ${leastOpen} ports open`);
  return { value: portCount / Math.max(0.01, Number(seconds)) };
}
