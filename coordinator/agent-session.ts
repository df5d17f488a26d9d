/** One connected agent: checks every frame, admits or refuses, and turns the rest into calls. */
import { Compile, type Validator } from "typebox/compile";
import type { WebSocket } from "ws";
import { closeCodes, heartbeatMs } from "../shared/link.ts";
import {
  AgentMessageSchema,
  type AgentMessage,
  type CoordinatorMessage,
  type DoneMessage,
  type DoubtMessage,
  type EndpointsMessage,
  type FactsMessage,
  type HelloMessage,
  type ListeningMessage,
  type RefusalCode,
  type QualityMessage,
  type ResultsMessage,
  type SightingsMessage,
  type StreamedMessage,
  type TimeMessage,
} from "../shared/wire.ts";
import type { Member, Refusal } from "./membership.ts";

const helloTimeoutMs = 5_000;
/** Several of the largest frames. */
const maxUnsentBytes = 32 * 1024 * 1024;

export interface SessionEvents {
  /** Admits the agent and returns the welcome to send, or a refusal. */
  join(
    hello: HelloMessage,
    session: AgentSession,
  ): Promise<{ member: Member; welcome: CoordinatorMessage } | Refusal>;
  /** These return what was wrong with the frame, if anything. */
  listening(member: Member, message: ListeningMessage): string | undefined;
  results(member: Member, message: ResultsMessage): string | undefined;
  quality(member: Member, message: QualityMessage): string | undefined;
  measured(member: Member, round: number): void;
  sightings(member: Member, message: SightingsMessage): string | undefined;
  doubt(member: Member, message: DoubtMessage): void;
  done(member: Member, message: DoneMessage): void;
  endpoints(member: Member, message: EndpointsMessage): string | undefined;
  facts(member: Member, message: FactsMessage): void;
  inspected(member: Member, round: number): void;
  streamed(member: Member, message: StreamedMessage): void;
  time(member: Member, message: TimeMessage): void;
  /** `clean` where the agent said goodbye, `silence` where its link was not closed and only went quiet. */
  ended(member: Member, how: "clean" | "close" | "silence"): void;
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
    const heartbeat = setInterval(() => {
      if (!this.#heard) {
        this.#isSilent = true;
        socket.terminate();
      }
      this.#heard = false;
      socket.ping();
    }, heartbeatMs);
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
    if (this.#socket.bufferedAmount > maxUnsentBytes) this.#socket.terminate();
    else this.#socket.send(JSON.stringify(message));
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
    switch (message.type) {
      case "listening":
        this.#refuseIf(this.#events.listening(member, message));
        break;
      case "results":
        this.#refuseIf(this.#events.results(member, message));
        break;
      case "quality":
        this.#refuseIf(this.#events.quality(member, message));
        break;
      case "sightings":
        this.#refuseIf(this.#events.sightings(member, message));
        break;
      case "measured":
        this.#events.measured(member, message.round);
        break;
      case "doubt":
        this.#events.doubt(member, message);
        break;
      case "done":
        this.#events.done(member, message);
        break;
      case "endpoints":
        this.#refuseIf(this.#events.endpoints(member, message));
        break;
      case "facts":
        this.#events.facts(member, message);
        break;
      case "inspected":
        this.#events.inspected(member, message.round);
        break;
      case "streamed":
        this.#events.streamed(member, message);
        break;
      case "time":
        this.#events.time(member, message);
        break;
      case "bye":
        this.#clean = true;
        break;
    }
  }

  #refuseIf(problem: string | undefined): void {
    if (problem === undefined) return;
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
      this.#events.ended(answer.member, "clean");
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
