/** What there is to tell of agents that come: a link that broke, another process and another host are not the same news. */
import type { Happening } from "../../shared/api.ts";
import type { Member } from "../membership.ts";

type Origin = Pick<Member, "host" | "pid">;

export class Comings {
  /** By name: who was there last, and whether it still is. */
  readonly #last = new Map<string, Origin & { isThere: boolean }>();

  /** Undefined where nothing has changed: it had two links for a moment. */
  joined(name: string, { host, pid }: Origin): { kind: Happening; text: string } | undefined {
    const before = this.#last.get(name);
    this.#last.set(name, { host, pid, isThere: true });
    if (before === undefined) return { kind: "joined", text: `${name} joined from ${host}` };
    if (before.host !== host)
      return { kind: "moved", text: `${name} joined again, from ${host} and not from ${before.host}` };
    if (before.pid !== pid)
      return { kind: "restarted", text: `${name} joined again, from ${host} (pid ${pid})` };
    return before.isThere ? undefined : { kind: "joined", text: `${name} is back, from ${host}` };
  }

  lost(name: string, isClean: boolean): void {
    const before = this.#last.get(name);
    // In a container every process has the same number: who said goodbye is another one when it comes again.
    if (isClean) this.#last.delete(name);
    else if (before !== undefined) before.isThere = false;
  }

  forget(isGone: (name: string) => boolean): void {
    for (const name of this.#last.keys()) if (isGone(name)) this.#last.delete(name);
  }
}
