/** The plainest TCP there is, at both ends: what the kernel says, with nothing of Portmesh in between. */
import { once } from "node:events";
import type { Host } from "./host.ts";

const listenScript = `
  const ports = process.argv.slice(1).map(Number);
  let waiting = ports.length;
  const ready = () => --waiting === 0 && console.log("ready");
  for (const port of ports) require("node:net").createServer().listen(port, "::", ready);
`;

const connectScript = `
  const [waitMs, ...targets] = process.argv.slice(1);
  const attempts = targets.map((target) => {
    const { promise, resolve } = Promise.withResolvers();
    const [host, port] = target.split(" ");
    const socket = require("node:net").connect({ host, port });
    setTimeout(resolve, Number(waitMs), "silent");
    socket.on("connect", () => resolve("open")).on("error", ({ code }) => resolve(code));
    return promise;
  });
  Promise.all(attempts).then((outcomes) => {
    console.log(JSON.stringify(outcomes));
    process.exit();
  });
`;

/** Resolves once all ports are open, for both families. They stay open until the lab ends. */
export async function listen(host: Host, ports: readonly number[]): Promise<void> {
  const args = ["-e", listenScript, ...ports.map(String)];
  const server = host.spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(server.stdout!, "data");
}

export interface Target {
  address: string;
  port: number;
}

/** Connects to all at once. What each comes to: `open`, an errno, or `silent` after the wait. */
export async function connect(from: Host, targets: readonly Target[], waitMs = 500): Promise<string[]> {
  const args = [
    "-e",
    connectScript,
    `${waitMs}`,
    ...targets.map(({ address, port }) => `${address} ${port}`),
  ];
  return JSON.parse(await from.run(process.execPath, args)) as string[];
}
