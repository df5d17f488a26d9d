/**
 * A network namespace of its own for the demo, so that `--block` can put a real firewall rule between its
 * nodes and touch nothing else. The demo starts itself again inside.
 */
import { execFileSync, spawn } from "node:child_process";
import { PortmeshError } from "../shared/errors.ts";
import type { Cluster } from "../shared/cluster-file.ts";
import type { Plan } from "../shared/plan.ts";
import { countPorts, formatPorts, parsePorts, subtract, type PortSet } from "../shared/ports.ts";

/** Set in the process that runs inside the namespace. */
const marker = "PORTMESH_DEMO_NAMESPACE";

export interface Block {
  from: string;
  to: string;
  transport: "tcp" | "udp";
  ports: PortSet;
}

/** `n1->n2:tcp/2379` or `n1->n2:udp/30500-30599`. */
export function parseBlock(text: string): Block {
  const match = /^([a-z0-9-]+)->([a-z0-9-]+):(tcp|udp)\/([0-9]+(?:-[0-9]+)?)$/.exec(text);
  const ports = match === null ? "" : parsePorts(match[4]!);
  if (match === null || typeof ports === "string") {
    throw new PortmeshError("usage", `--block ${text}: must be FROM->TO:tcp/PORT`, {
      next: "For example --block 'n1->n2:tcp/2379' (in quotes, for the shell).",
    });
  }
  return {
    from: match[1]!,
    to: match[2]!,
    transport: match[3] as Block["transport"],
    ports,
  };
}

/** Whether some path of the plan uses a port of the block. */
export function isNeeded({ from, to, transport, ports }: Block, plan: Plan): boolean {
  return plan.paths.some(
    (path) =>
      plan.nodes[path.from]!.name === from &&
      plan.nodes[path.to]!.name === to &&
      path.transport === transport &&
      countPorts(subtract(path.ports, ports)) < countPorts(path.ports),
  );
}

export function isInsideNamespace(): boolean {
  return process.env[marker] === "1";
}

/** Runs this very command again inside a new namespace and resolves with its exit code. */
export function reenter(env: Readonly<Record<string, string>> = {}): Promise<number> {
  for (const tool of ["unshare", "ip", "nft"]) requireTool(tool);
  const isRoot = process.getuid?.() === 0;
  const flags = isRoot ? ["--net"] : ["--user", "--map-root-user", "--net"];
  return new Promise((resolve, reject) => {
    const child = spawn(
      "unshare",
      [...flags, "--", process.execPath, ...process.execArgv, ...process.argv.slice(1)],
      {
        stdio: "inherit",
        env: { ...process.env, ...env, [marker]: "1" },
      },
    );
    const ignore = (): void => {}; // a terminal sends Ctrl-C to the child as well, and its answer counts
    process.on("SIGINT", ignore);
    const forward = (): void => void child.kill("SIGTERM");
    process.on("SIGTERM", forward);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      process.off("SIGINT", ignore);
      process.off("SIGTERM", forward);
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}

/** Inside: loopback up, one drop rule a block. */
export function applyBlocks(blocks: readonly Block[], cluster: Cluster): void {
  const addressOf = (name: string): string => {
    const node = cluster.nodes.find((candidate) => candidate.name === name);
    if (node !== undefined) return node.addresses[0]!;
    throw new PortmeshError("usage", `--block names the node ${name}, which the demo does not have`, {
      next: `It has ${cluster.nodes.map((candidate) => candidate.name).join(", ")}.`,
    });
  };
  const rules = blocks.map(
    ({ from, to, transport, ports }) =>
      `ip saddr ${addressOf(from)} ip daddr ${addressOf(to)} ${transport} dport ${formatPorts(ports)} drop`,
  );
  execute("ip", ["link", "set", "lo", "up"]);
  execute(
    "nft",
    ["-f", "-"],
    `table inet portmesh {\n chain input {\n type filter hook input priority 0;\n ${rules.join("\n ")}\n }\n}\n`,
  );
}

function requireTool(tool: string): void {
  try {
    execFileSync("/bin/sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
  } catch {
    throw new PortmeshError(
      "cannot-run",
      `--block needs ${tool} to put a firewall rule into a private network namespace`,
      {
        next: "Install nftables, iproute2 and util-linux (Linux only), or run the demo without --block.",
      },
    );
  }
}

function execute(command: string, args: readonly string[], input = ""): void {
  try {
    execFileSync(command, args, { input, stdio: ["pipe", "ignore", "pipe"] });
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? "").trim();
    throw new PortmeshError(
      "cannot-run",
      `${command} ${args.join(" ")} failed inside the demo's namespace: ${said}`,
      {
        next: "Run the demo as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1).",
        cause: error,
      },
    );
  }
}
