/**
 * One webhook: gathers what it is to be told, and sends it in one message after the other. While one is tried
 * again, what comes meanwhile waits in the next; so nothing grows but counts.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { NewsKind, Notification, PathNews } from "../../shared/notification.ts";
import type { HookSettings } from "../../shared/notify-settings.ts";
import type { Proxy } from "../../shared/outside.ts";
import type { KeptHappening, KeptTransition } from "../journal/journal.ts";
import { Digest } from "./news.ts";
import type { Answer } from "./post.ts";
import { signatureHeaders } from "./signature.ts";

/** A webhook with its secrets. */
export interface Hook extends HookSettings {
  /** An HTTP proxy to go through. */
  way: Proxy | undefined;
  /** In PEM, besides the public ones. */
  authorities: readonly string[];
  keys: readonly Buffer[];
  /** Of its own files, over what every message has. */
  headers: Readonly<Record<string, string>>;
}

export interface Retry {
  tries: number;
  /** The first pause; each further one is twice as long, up to the most. */
  firstMs: number;
  mostMs: number;
}

/** About a quarter of an hour. */
export const usualRetry: Retry = { tries: 10, firstMs: 1_000, mostMs: 300_000 };
/** However long a receiver asks to be left alone. */
const mostRetryAfterMs = 3_600_000;
const agent = "portmesh";

export interface HookDependencies {
  send: (hook: Hook, headers: Record<string, string>, body: string, signal: AbortSignal) => Promise<Answer>;
  compose: (
    head: Pick<Notification, "id" | "hook" | "cause" | "missed">,
    digest: Digest,
    hook: Hook,
  ) => Notification;
  /** Whether any path fails that this webhook is told of. */
  anyFails: (hook: Hook) => boolean;
  outcome: (outcome: NotificationOutcome, hook: string, why: string) => void;
  /** Milliseconds since 1970, and of a clock that never jumps. */
  now: () => number;
  monotonic: () => number;
  /** From 0 to 1. */
  random: () => number;
  retry: Retry;
}

/** What became of a try or of a message. */
export const notificationOutcomes = ["delivered", "retried", "lost"] as const;
export type NotificationOutcome = (typeof notificationOutcomes)[number];

export class HookSender implements AsyncDisposable {
  /** Up to where in the journal it was told everything. */
  cursor: { transition: number; happening: number };
  #hook: Hook;
  readonly #deps: HookDependencies;
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  #digest = new Digest();
  #arrival = Promise.withResolvers<void>();
  #isSending = false;
  #sentAt: number | undefined;
  /** When it was last looked whether anything is to be said, or the first time. */
  #saidAt: number;
  #missed = 0;

  constructor(hook: Hook, cursor: HookSender["cursor"], deps: HookDependencies) {
    this.#hook = hook;
    this.cursor = cursor;
    this.#deps = deps;
    this.#saidAt = deps.monotonic();
    this.#running = this.#run(this.#over.signal).catch((error: unknown) => {
      if (!this.#over.signal.aborted) throw error;
    });
  }

  get hook(): Hook {
    return this.#hook;
  }

  /** From the next message on. */
  configure(hook: Hook): void {
    this.#hook = hook;
  }

  /** Messages that wait for their time or for the receiver. */
  get pending(): number {
    return Number(!this.#digest.isEmpty) + Number(this.#isSending);
  }

  transition(kind: PathNews, transition: KeptTransition): void {
    const { on, specs, flows, nodes } = this.#hook;
    const isWanted =
      on.includes(kind) &&
      specs?.includes(transition.spec) !== false &&
      flows?.includes(transition.flow) !== false &&
      (nodes === undefined || nodes.includes(transition.from) || nodes.includes(transition.to));
    if (!isWanted) return;
    this.#digest.addTransition(kind, transition);
    this.#arrival.resolve();
  }

  happening(happening: KeptHappening): void {
    const { on, nodes } = this.#hook;
    const { kind, node } = happening;
    if (kind === "notification-lost" || !on.includes(kind satisfies NewsKind)) return;
    if (nodes !== undefined && node !== undefined && !nodes.includes(node)) return;
    this.#digest.addHappening({ ...happening, kind });
    this.#arrival.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const cause = await this.#nextCause(signal);
      if (cause === "news") {
        await sleep(this.#hook.groupForMs, undefined, { signal });
        const earliest = (this.#sentAt ?? Number.NEGATIVE_INFINITY) + this.#hook.groupIntervalMs;
        await sleep(Math.max(0, earliest - this.#deps.monotonic()), undefined, { signal });
      }
      this.#saidAt = this.#deps.monotonic();
      if (cause === "repeat" && !this.#deps.anyFails(this.#hook)) continue;
      this.#isSending = true;
      await this.#deliver(this.#take(cause), signal);
      this.#isSending = false;
      this.#sentAt = this.#deps.monotonic();
    }
  }

  /** Resolves when there is something to tell, or something to be said again. */
  async #nextCause(signal: AbortSignal): Promise<"news" | "repeat"> {
    const { repeatEveryMs } = this.#hook;
    const waiting = new AbortController();
    const until = AbortSignal.any([signal, waiting.signal]);
    const ms =
      repeatEveryMs === undefined
        ? mostSleepMs
        : Math.max(0, this.#saidAt + repeatEveryMs - this.#deps.monotonic());
    try {
      for (;;) {
        await Promise.race([this.#arrival.promise, sleep(ms, undefined, { signal: until })]);
        if (!this.#digest.isEmpty) return "news";
        if (repeatEveryMs !== undefined) return "repeat";
      }
    } finally {
      waiting.abort();
    }
  }

  #take(cause: "news" | "repeat"): Notification {
    const digest = this.#digest;
    this.#digest = new Digest();
    this.#arrival = Promise.withResolvers();
    const head = { id: `msg_${randomUUID()}`, hook: this.#hook.name, cause, missed: this.#missed };
    return this.#deps.compose(head, digest, this.#hook);
  }

  async #deliver(message: Notification, signal: AbortSignal): Promise<void> {
    const { name } = this.#hook;
    const body = JSON.stringify(message);
    const { tries, firstMs, mostMs } = this.#deps.retry;
    for (let tried = 1; ; tried++) {
      const headers = headersOf(this.#hook, message.id, this.#deps.now(), body);
      const answer = await this.#deps.send(this.#hook, headers, body, signal);
      signal.throwIfAborted();
      if (isWell(answer)) {
        this.#missed = 0;
        this.#deps.outcome("delivered", name, describeAnswer(answer));
        return;
      }
      if (!mayTryAgain(answer) || tried >= tries) {
        this.#missed++;
        this.#deps.outcome("lost", name, describeAnswer(answer));
        return;
      }
      this.#deps.outcome("retried", name, describeAnswer(answer));
      const pauseMs = Math.min(mostMs, firstMs * 2 ** (tried - 1));
      // Receivers that were down together are not to be met by everybody at once.
      const jittered = pauseMs * (0.5 + 0.5 * this.#deps.random());
      await sleep(Math.max(jittered, retryAfterMs(answer, this.#deps.now())), undefined, { signal });
    }
  }
}

/** What a timer can wait. */
const mostSleepMs = 2 ** 31 - 1;

/** All that goes with a body. */
export function headersOf(hook: Hook, id: string, at: number, body: string): Record<string, string> {
  return {
    "user-agent": agent,
    ...hook.headers,
    "content-type": "application/json",
    ...signatureHeaders(id, at, body, hook.keys),
  };
}

export function isWell({ status }: Answer): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

/** `503: busy`, or why nobody answered. */
export function describeAnswer(answer: Answer): string {
  if (answer.status === undefined) return answer.problem;
  const words = answer.words === "" ? "" : `: ${answer.words.slice(0, 200)}`;
  return `the receiver said ${answer.status}${words}`;
}

/** What may be over soon; a message that is refused is refused again. */
function mayTryAgain({ status }: Answer): boolean {
  return status === undefined || status === 408 || status === 429 || status >= 500;
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(answer: Answer, now: number): number {
  if (answer.status === undefined || answer.retryAfter === undefined) return 0;
  const text = answer.retryAfter;
  const ms = /^[0-9]{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? 0 : Math.min(mostRetryAfterMs, Math.max(0, ms));
}
