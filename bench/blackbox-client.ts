/**
 * Asks a blackbox_exporter for many probes, always the same number in flight, over connections that stay open.
 *
 *   blackbox-client.ts EXPORTER ADDRESS FIRST LAST COUNT IN_FLIGHT
 */
import { Agent, get } from "node:http";

const [exporter, address, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [first, last, count, inFlight] = numbers.map(Number) as [number, number, number, number];
const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
const success = "probe_success 1";
let launched = 0;
let failed = 0;

/** Whether the exporter says that the connect succeeded. */
function probe(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = get(
      `http://${exporter}/probe?module=tcp_connect&target=${address}:${port}`,
      { agent },
      (response) => {
        let body = "";
        response.setEncoding("latin1");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () => resolve(body.includes(success)));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
  });
}

async function work(): Promise<void> {
  while (launched < count) {
    const port = first + (launched++ % (last - first + 1));
    if (!(await probe(port))) failed++;
  }
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: inFlight }, work));
const seconds = (performance.now() - startedAt) / 1_000;
agent.destroy();
console.log(JSON.stringify({ probes: count, failed, seconds }));
