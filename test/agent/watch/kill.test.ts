/** Agents that are killed, and state folders that are full: what was swept is delivered, or declared. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import t from "tap";
import { formatJoinString } from "../../../shared/join-string.ts";
import { scriptedCoordinator, type ScriptedCoordinator } from "../../helpers/scripted-coordinator.ts";
import { pinglistOf, sweepsIn, watchingAgent } from "../../helpers/watching.ts";

const program = join(import.meta.dirname, "../../helpers/watching-agent.ts");
const kills = 50;

function start({ join: ticket }: ScriptedCoordinator, stateDir: string): ChildProcess {
  return spawn(process.execPath, [program, formatJoinString(ticket), stateDir], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
}

t.test(
  `killed ${kills} times, an agent delivers every sweep, or says that it is missing, in order`,
  async (t) => {
    const stateDir = mkdtempSync(join(tmpdir(), "portmesh-kill-"));
    t.teardown(() => rmSync(stateDir, { recursive: true, force: true }));
    const nodes = [{ index: 0, name: "a", addresses: ["127.79.71.1"] }];
    await using coordinator = await scriptedCoordinator({ nodes, listeners: [] });
    /** The last that a coordinator would have kept. */
    let kept = 0;
    let delivered = 0;
    let declared = 0;
    let repeated = 0;
    const origins = new Set<string>();
    /** Microseconds by which a sweep is known again. */
    const took = new Map<number, number>();
    for (let life = 0; life <= kills; life++) {
      const agent = start(coordinator, stateDir);
      const exited = once(agent, "exit");
      const link = await coordinator.next();
      link.send(pinglistOf([{ protocol: "tcp", ports: "26500" }], { intervalMs: 50 }));
      await link.told("sweep", randomInt(1, 8));
      await sleep(randomInt(0, 60));
      const isAcknowledging = life % 3 === 2;
      // Some acknowledgements come in the middle of what is told, some never.
      if (isAcknowledging) {
        const latest = sweepsIn(link.heard).at(-1)!;
        link.send({ type: "ack", origin: latest.origin, seq: latest.seq });
        await sleep(randomInt(0, 20));
      }
      agent.kill("SIGKILL");
      await exited;
      let last = 0;
      for (const message of sweepsIn(link.heard)) {
        origins.add(message.origin);
        const until = message.type === "gap" ? message.until : message.seq;
        if (last > 0 && message.seq !== last + 1) t.fail(`${message.seq} came after ${last}`);
        if (last === 0 && message.seq > kept + 1)
          t.fail(`${message.seq} came first, and ${kept} was the last`);
        last = until;
        if (message.type === "sweep") {
          const before = took.get(message.seq) ?? message.tookMs;
          if (before !== message.tookMs) t.fail(`${message.seq} is the count of two sweeps`);
          took.set(message.seq, before);
        }
        if (until <= kept) {
          repeated++;
          continue;
        }
        if (message.type === "gap") declared += until - kept;
        else delivered++;
        kept = until;
      }
    }
    t.equal(origins.size, 1, "one count over all lives");
    t.equal(delivered + declared, kept, "produced is delivered and declared");
    t.equal(declared, 0, "nothing had to be dropped");
    t.ok(kept > kills);
    t.comment(`${delivered} sweeps in ${kills + 1} lives, ${repeated} of them told again`);
  },
);

t.test(
  "a full disk is told once, costs nothing that memory can hold, and is used again when it has room",
  async (t) => {
    t.equal(process.getuid?.(), 0, "needs root, for a tmpfs");
    const stateDir = mkdtempSync(join(tmpdir(), "portmesh-full-"));
    const run = promisify(execFile);
    await run("mount", ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", stateDir]);
    t.teardown(async () => {
      await run("umount", ["-l", stateDir]);
      rmSync(stateDir, { recursive: true, force: true });
    });
    mkdirSync(join(stateDir, "others"));
    const filler = join(stateDir, "others", "filler");
    const listeners = [{ transport: "tcp" as const, address: 0, ports: "26510" }];
    await using agent = await watchingAgent(t, "127.79.72.1", { listeners, stateDir });
    const link = await agent.coordinator.next();
    link.send(pinglistOf([{ protocol: "tcp", ports: "26510-26511" }], { intervalMs: 50 }));
    await link.told("sweep", 2);
    t.throws(() => writeFileSync(filler, Buffer.alloc(128 * 1024)), { code: "ENOSPC" });
    const isTold = (text: string): number => agent.said.filter((line) => line.includes(text)).length;
    for (let count = 3; isTold("in memory only") === 0; count++) await link.told("sweep", count);
    const full = (await link.told("sweep", 1)).length;
    await link.told("sweep", full + 3);
    t.equal(isTold("in memory only"), 1);
    t.equal(isTold("ENOSPC"), 1);
    link.cut();
    const second = await agent.coordinator.next();
    const all = await second.told("sweep", full + 4);
    t.strictSame(
      all.map(({ seq }) => seq),
      all.map((_, index) => index + 1),
      "all are told again",
    );
    rmSync(filler);
    for (let count = all.length; isTold("on disk again") === 0; count++) await second.told("sweep", count);
    await agent.stop();
    await using after = await watchingAgent(t, "127.79.72.1", { listeners, stateDir });
    const third = await after.coordinator.next();
    third.send(pinglistOf([{ protocol: "tcp", ports: "26510-26511" }], { intervalMs: 50 }));
    const again = await third.told("sweep", all.length + 2);
    t.equal(new Set(again.map(({ origin }) => origin)).size, 1, "nothing was lost with the process");
    t.equal(sweepsIn(third.heard).filter(({ type }) => type === "gap").length, 0);
  },
);
