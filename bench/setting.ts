/** What all subjects of the bench share: the hosts, the C program, the ports, the key. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Children } from "./children.ts";
import type { Network } from "./network.ts";

/** 2,768 ports: the widest range of the vendors' documents. */
export const firstPort = 30_000;
export const lastPort = 32_767;
export const portCount = lastPort - firstPort + 1;
/** As many young probes as an agent has at once. */
export const concurrency = 128;
export const epoch = 1;

export class Setting {
  readonly network: Network;
  readonly children: Children;
  /** The compiled bench/limit.c. */
  readonly limit: string;
  /** For files that live as long as the bench. */
  readonly folder: string;
  readonly key = randomBytes(32);

  constructor(network: Network, folder: string, children: Children) {
    this.network = network;
    this.children = children;
    this.folder = folder;
    this.limit = join(folder, "limit");
  }

  async compile(children: Children): Promise<void> {
    const source = join(import.meta.dirname, "limit.c");
    await children.run("gcc", ["-O2", "-o", this.limit, source, "-lcrypto"]);
  }

  /** The far end in C, the same for all: who probes is measured, not who answers. */
  async listen(protocol: "tcp" | "udp" | "echo", address: string): Promise<void> {
    const range = [String(firstPort), String(lastPort)];
    await this.network.start(
      "far",
      this.limit,
      ["listen", protocol, address, ...range, this.key.toString("hex")],
      "ready",
    );
  }
}
