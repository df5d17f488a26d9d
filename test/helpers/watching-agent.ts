/** `portmesh agent run` in a process that can be killed: join string, state folder. */
import { runAgent } from "../../agent/agent.ts";
import { defaultPolicy } from "../../agent/policy.ts";
import { parseJoinString } from "../../shared/join-string.ts";

const [join, stateDir] = process.argv.slice(2) as [string, string];
await runAgent(
  {
    node: "a",
    join: parseJoinString(join),
    policy: defaultPolicy,
    version: "test",
    host: "here",
    pid: process.pid,
    giveUpMs: 60_000,
    stateDir,
    uid: process.getuid?.(),
  },
  { tell: (line) => void process.stdout.write(`${line}\n`), random: () => 0, now: () => new Date() },
  new AbortController().signal,
);
