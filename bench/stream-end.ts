/**
 * One end of a stream between two agents: their own listener, or their own dialling end, in a process of its own.
 *
 *   stream-end.ts listen ADDRESS PORT KEY_BASE64URL EPOCH
 *   stream-end.ts there|back ADDRESS PORT KEY_BASE64URL EPOCH WARM_UP_MS DURATION_MS
 */
import { runStream } from "../agent/protocols/bulk.ts";
import { StreamListeners } from "../agent/protocols/stream-listener.ts";
import { RequestLog } from "../agent/request-log.ts";
import { epochKey } from "../shared/proof.ts";
import { streamLimits } from "../shared/stream-limits.ts";

const [role, address, port, secret, id, warmUpMs, durationMs] = process.argv.slice(2) as [
  "listen" | "there" | "back",
  ...string[],
];
const epoch = epochKey(Number(id), secret!);
if (role === "listen") {
  const certificate = { cert: "", key: "", ca: "" };
  const listeners = new StreamListeners({ epoch, node: 1, certificate, requests: new RequestLog() });
  await listeners.listen(address!, Number(port));
  console.log("ready");
} else {
  const result = await runStream(
    address!,
    {
      from: 0,
      to: 1,
      port: Number(port),
      direction: role,
      warmUpMs: Number(warmUpMs),
      durationMs: Number(durationMs),
      maxBytes: streamLimits.bytes,
    },
    { epoch, source: {} },
    new AbortController().signal,
  );
  if (typeof result === "string") throw new Error(result);
  const bitsPerSecond = (result.bytes * 8_000) / result.elapsedMs;
  console.log(JSON.stringify({ bitsPerSecond, rssMb: process.memoryUsage.rss() / 1e6 }));
}
