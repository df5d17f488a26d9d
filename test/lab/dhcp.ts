/** A real DHCP server at the router, and a real client on a host. */
import { on, once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import type { Host, Lab } from "./lab.ts";

/** Takes the host's IPv4 address away and has a server lease it the same again. Resolves when it has it. */
export async function leaseAddress(
  lab: Lab,
  host: Host,
  path: (name: string) => string,
  lifetime: "told to the kernel" | "kept to itself",
): Promise<AsyncDisposable> {
  const server = lab.router.spawn("dnsmasq", [
    "--conf-file=/dev/null",
    "--keep-in-foreground",
    "--log-facility=-",
    "--port=0",
    `--interface=${host.link}`,
    "--bind-interfaces",
    `--dhcp-range=${host.address},${host.address},3600`,
    `--dhcp-leasefile=${path("leases")}`,
    "--user=root",
  ]);
  await says(server.stderr!, "DHCP, sockets bound");
  const valid = lifetime === "told to the kernel" ? "valid_lft $lease preferred_lft $lease" : "";
  const script = path("bound");
  writeFileSync(
    script,
    `#!/bin/sh\n[ "$1" = bound ] || exit 0\nip addr add $ip/$mask dev $interface ${valid} && echo has the address\n`,
  );
  chmodSync(script, 0o755);
  await host.run("ip", ["-4", "addr", "flush", "dev", "eth0"]);
  const client = host.spawn("busybox", ["udhcpc", "-f", "-i", "eth0", "-s", script]);
  client.stderr!.resume();
  await says(client.stdout!, "has the address");
  return {
    async [Symbol.asyncDispose]() {
      for (const child of [client, server]) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const gone = once(child, "exit");
        child.kill();
        await gone;
      }
    },
  };
}

async function says(stream: NodeJS.ReadableStream, words: string): Promise<void> {
  let said = "";
  for await (const [chunk] of on(stream, "data", { signal: AbortSignal.timeout(20_000), close: ["end"] })) {
    said += String(chunk);
    if (said.includes(words)) {
      stream.resume();
      return;
    }
  }
  throw new Error(`never said ${words}: ${said}`);
}
