/** One connected agent: checks every frame, admits or refuses, and turns the rest into calls. */
import { Compile, type Validator } from "typebox/compile";
import type { WebSocket } from "ws";
import { closeCodes, heartbeatMs } from "../shared/link.ts";
import {
  AgentMessageSchema,
  type AgentMessage,
  type CoordinatorMessage,
  type HelloMessage,
  type RefusalCode,
} from "../shared/wire.ts";
import type { Member, Refusal } from "./membership.ts";

const helloTimeoutMs = 5_000;
/** Several of the largest frames. */
const maxUnsentBytes = 32 * 1024 * 1024;

/** What an agent that has joined has to say. */
export type SaidMessage = Exclude<AgentMessage, HelloMessage | { type: "bye" }>;

export interface SessionEvents {
  /** Admits the agent and returns the welcome to send, or a refusal. */
  join(
    hello: HelloMessage,
    session: AgentSession,
  ): Promise<{ member: Member; welcome: CoordinatorMessage } | Refusal>;
  /** Whatever it says once it has joined. Returns what was wrong with it, if anything. */
  message(member: Member, message: SaidMessage): string | undefined;
  /**
   * `clean` where the agent said goodbye, `silence` where its link was not closed and only went quiet, `unheard` where
   * it went before it was welcomed.
   */
  ended(member: Member, how: "clean" | "close" | "silence" | "unheard"): void;
}

/** One compiled check a message type: a union would report the failures of every member. */
const checks = new Map<string, Validator>(
  AgentMessageSchema.anyOf.map((schema) => [schema.properties.type.const, Compile(schema)]),
);

export class AgentSession {
  readonly #socket: WebSocket;
  readonly #events: SessionEvents;
  readonly #settled: () => void;
  #member: Member | undefined;
  #joining = false;
  #clean = false;
  #heard = true;
  #isSilent = false;
  readonly #helloTimer: NodeJS.Timeout;

  constructor(socket: WebSocket, events: SessionEvents, settled: () => void) {
    this.#socket = socket;
    this.#events = events;
    this.#settled = settled;
    this.#helloTimer = setTimeout(() => socket.close(closeCodes.silent, "no hello"), helloTimeoutMs);
    const beat = (): void => {
      if (!this.#heard) {
        this.#isSilent = true;
        socket.terminate();
      }
      this.#heard = false;
      socket.ping();
    };
    // A coordinator that was busy itself reads what has come meanwhile first.
    const heartbeat = setInterval(() => (this.#heard ? beat() : setImmediate(beat)), heartbeatMs);
    socket.on("pong", () => {
      this.#heard = true;
    });
    socket.on("error", () => socket.terminate());
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.#heard = true;
      const message = isBinary ? undefined : parse(data);
      if (message === undefined)
        this.refuse({
          code: "bad-message",
          message: "a frame is not a known message",
          next: "Use the same version of agent and coordinator.",
        });
      else this.#handle(message);
    });
    socket.once("close", () => {
      clearTimeout(this.#helloTimer);
      clearInterval(heartbeat);
      settled();
      const how = this.#clean ? "clean" : this.#isSilent ? "silence" : "close";
      if (this.#member !== undefined) events.ended(this.#member, how);
    });
  }

  /** An agent that does not read what it is sent is let go. */
  send(message: CoordinatorMessage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    if (this.#socket.bufferedAmount > maxUnsentBytes) this.#socket.terminate();
    else this.#socket.send(text);
  }

  refuse(refusal: { code: RefusalCode; message: string; next: string }): void {
    this.send({ type: "refused", ...refusal });
    this.#socket.close(closeCodes.refused, refusal.code);
  }

  /** Resolves when the far end has closed as well. */
  finish(reason: string): Promise<void> {
    this.#clean = true;
    if (this.#socket.readyState === this.#socket.CLOSED) return Promise.resolve();
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.send({ type: "finish", reason });
    this.#socket.close(closeCodes.finished, reason);
    return closed;
  }

  /** It keeps its name, and is to join again. */
  dismiss(): void {
    this.#socket.close(closeCodes.again, "join again");
  }

  replace(): void {
    this.#member = undefined;
    this.#socket.close(closeCodes.replaced, "replaced by a newer connection");
  }

  #handle(message: AgentMessage): void {
    const member = this.#member;
    if (message.type === "hello") {
      if (!this.#joining) void this.#join(message);
      return;
    }
    if (member === undefined) {
      // Whoever has not said hello yet has nothing else to say.
      if (!this.#joining) this.#socket.close(closeCodes.silent, "no hello");
      return;
    }
    if (message.type === "bye") {
      this.#clean = true;
      return;
    }
    const problem = this.#events.message(member, message);
    if (problem !== undefined)
      this.refuse({ code: "bad-message", message: problem, next: "Report this as a defect of the agent." });
  }

  async #join(hello: HelloMessage): Promise<void> {
    this.#joining = true;
    clearTimeout(this.#helloTimer);
    const answer = await this.#events.join(hello, this);
    this.#settled();
    if ("code" in answer) {
      this.refuse(answer);
      return;
    }
    if (this.#socket.readyState !== this.#socket.OPEN) {
      // It went away while its certificate was made: the name must not wait for it.
      this.#events.ended(answer.member, "unheard");
      return;
    }
    this.#member = answer.member;
    this.send(answer.welcome);
  }
}

function parse(data: Buffer): AgentMessage | undefined {
  try {
    const message = JSON.parse(data.toString("utf8")) as AgentMessage;
    return checks.get(message.type)?.Check(message) === true ? message : undefined;
  } catch {
    return undefined;
  }
}
