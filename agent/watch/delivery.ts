/**
 * Brings what is not acknowledged to the coordinator over one link, in order. Of what is late only so much is under
 * way at a time: a fleet that comes back after hours would bury a coordinator that has to sync each sweep to its disk.
 * Where that keeps nothing, what is new is still to be judged: so it is not waited for long.
 */
import type { Link } from "../link.ts";
import type { Backlog } from "./backlog.ts";

const mostUnderWay = 16;
const patienceMs = 1_000;

/** Until the signal. */
export async function deliver(
  backlog: Backlog,
  link: Pick<Link, "send">,
  signal: AbortSignal,
): Promise<void> {
  let { generation, acked: sent } = backlog;
  while (!signal.aborted) {
    if (backlog.generation !== generation) ({ generation, acked: sent } = backlog);
    sent = Math.max(sent, backlog.acked);
    if (sent - backlog.acked >= mostUnderWay && backlog.isBehind(sent))
      await backlog.nextAck(AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]));
    const portion = await backlog.after(sent);
    if (portion === undefined) {
      await backlog.more(sent, signal);
      continue;
    }
    for (const message of portion.messages) if (!signal.aborted) await link.send(message);
    sent = portion.until;
  }
}
