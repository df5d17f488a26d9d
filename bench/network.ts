/**
 * Two network namespaces joined by one link: the probing host and the far end. No router between them as in
 * the lab of the tests: what forwarding costs is the same for everybody and would flatter every ratio.
 */
import { readdirSync } from "node:fs";
import type { ChildProcess } from "node:child_process";
import type { Children, RunOptions } from "./children.ts";

export const nearAddress = "10.77.0.1";
export const farAddress = "10.77.0.2";
/** A second address of the far end, for listeners that scanners understand. */
export const echoAddress = "10.77.0.3";
/** All of these are the far host's. */
const farRange = "10.88.0.0/16";

/** From 0 to 65,535. */
export function farAddressOf(index: number): string {
  return `10.88.${index >> 8}.${index & 255}`;
}

const namesLike = /^pmbench(\d+)-(near|far)$/;

export class Network {
  readonly #children: Children;
  readonly #names = { near: `pmbench${process.pid}-near`, far: `pmbench${process.pid}-far` };

  constructor(children: Children) {
    this.#children = children;
  }

  /** Makes the two hosts, and removes those of benches that were killed. */
  async build(): Promise<void> {
    const { near, far } = this.#names;
    const orphans = existing().filter((name) => !isAlive(Number(namesLike.exec(name)![1])));
    await this.#ip(orphans.map((name) => `netns del ${name}`));
    await this.#ip([
      `netns add ${near}`,
      `netns add ${far}`,
      `link add eth0 netns ${near} type veth peer name eth0 netns ${far}`,
    ]);
    await this.#ip(
      [
        "link set lo up",
        "link set eth0 up",
        `addr add ${nearAddress}/24 dev eth0`,
        `route add ${farRange} via ${farAddress}`,
      ],
      near,
    );
    await this.#ip(
      [
        "link set lo up",
        "link set eth0 up",
        `addr add ${farAddress}/24 dev eth0`,
        `addr add ${echoAddress}/24 dev eth0`,
        `route add local ${farRange} dev lo`,
      ],
      far,
    );
  }

  run(host: "near" | "far", command: string, args: readonly string[], options?: RunOptions): Promise<string> {
    return this.#children.run("ip", this.#inside(host, command, args), options);
  }

  start(
    host: "near" | "far",
    command: string,
    args: readonly string[],
    ready: string,
  ): Promise<ChildProcess> {
    return this.#children.start("ip", this.#inside(host, command, args), ready);
  }

  #ip(commands: readonly string[], namespace?: string): Promise<string> {
    const within = namespace === undefined ? [] : ["-n", namespace];
    return this.#children.run("ip", [...within, "-batch", "-"], {
      input: `${commands.join("\n")}\n`,
      timeoutMs: 15_000,
    });
  }

  /** `ip netns exec` becomes the command, so the pid that is killed is the command's own. */
  #inside(host: "near" | "far", command: string, args: readonly string[]): string[] {
    return ["netns", "exec", this.#names[host], command, ...args];
  }
}

/** The namespaces this process made. Needs no running children, so that it works after Ctrl-C. */
export async function removeNetwork(children: Children): Promise<void> {
  const own = existing().filter((name) => Number(namesLike.exec(name)![1]) === process.pid);
  await Promise.all(own.map((name) => children.run("ip", ["netns", "del", name], { timeoutMs: 15_000 })));
}

function existing(): string[] {
  try {
    return readdirSync("/run/netns").filter((name) => namesLike.test(name));
  } catch {
    return []; // no namespace was ever made here
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
