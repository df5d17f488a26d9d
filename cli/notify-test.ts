/** Sends each webhook of a cluster file a test message, once, and says what came back. */
import { randomUUID } from "node:crypto";
import { composeNotification } from "../coordinator/notify/compose.ts";
import { describeAnswer, headersOf, isWell, type Hook } from "../coordinator/notify/hook.ts";
import { Digest } from "../coordinator/notify/news.ts";
import { post } from "../coordinator/notify/post.ts";
import { formatDuration } from "../shared/duration.ts";
import { PortmeshError } from "../shared/errors.ts";
import { skippable } from "../shared/names.ts";
import { makePlan } from "../shared/plan.ts";
import { readCluster } from "./cluster-input.ts";
import { interruptible } from "./interrupt.ts";
import { readHooks } from "./notify-hooks.ts";
import { painter, printable, type Terminal } from "./terminal.ts";

/** @returns the exit code: 1 where any of them was not told. */
export async function testNotifications(
  file: string,
  only: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const cluster = readCluster(file);
  const hooks = readHooks(cluster, file).filter(({ name }) => only === undefined || name === only);
  if (hooks.length === 0)
    throw new PortmeshError("usage", `${file} has no webhook${only === undefined ? "" : ` ${only}`}`, {
      next: "Add one under notify: docs/notifications.md has an example.",
    });
  using interrupt = interruptible();
  const plan = makePlan(cluster, "runtime", skippable);
  const paths = { pass: 0, warn: 0, fail: 0, unknown: plan.pairs.pathCount };
  const endpoints = { pass: 0, warn: 0, fail: 0, unknown: 0 };
  const paint = painter(terminal.out);
  const send = async (hook: Hook): Promise<boolean> => {
    const at = Date.now();
    const head = { id: `msg_${randomUUID()}`, hook: hook.name, cause: "test" as const, missed: 0, at };
    const standing = { plan, paths, endpoints, findings: [] };
    const body = JSON.stringify(composeNotification(head, new Digest(), standing));
    const beganAt = performance.now();
    const answer = await post(hook, headersOf(hook, head.id, at, body), body, interrupt.signal);
    const took = formatDuration(performance.now() - beganAt);
    const mark = isWell(answer) ? paint("green", "told    ") : paint("red", "not told");
    terminal.out.write(`${mark} ${hook.name}: ${printable(describeAnswer(answer))} (${took})\n`);
    return isWell(answer);
  };
  const told = await Promise.all(hooks.map(send));
  return interrupt.exitCode ?? (told.every((isTold) => isTold) ? 0 : 1);
}
