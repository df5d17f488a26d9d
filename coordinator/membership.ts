/**
 * Which nodes have an agent, and what each of them holds. A name belongs to the agent that joined under it
 * until that agent says goodbye or stays away for longer than its lease.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Plan } from "../shared/plan.ts";
import type { HelloMessage, ListeningMessage, RefusalCode } from "../shared/wire.ts";
import { heldBy, listeningReportOf, type Attendance, type Attendant, type HeldFarEnd } from "./attendance.ts";

/** An agent that lost its link may come back for this long before its name is free again. */
export const leaseMs = 15_000;

export interface Member extends Attendant {
  node: number;
  session: string;
  pid: number;
  /** When the link was lost, in the clock's milliseconds. */
  lostAt: number | undefined;
}

export interface Refusal {
  code: RefusalCode;
  message: string;
  next: string;
}

export class Membership implements Attendance {
  #plan: Plan;
  readonly #token: Buffer;
  readonly #now: () => number;
  #members = new Map<number, Member>();

  constructor(plan: Plan, token: string, now: () => number) {
    this.#plan = plan;
    this.#token = Buffer.from(token);
    this.#now = now;
  }

  /** Admits an agent, or says why not. The token is checked before anything about names is said. */
  admit(hello: HelloMessage): Member | Refusal {
    const node = this.#plan.nodes.find(({ name }) => name === hello.node);
    const current = node === undefined ? undefined : this.#members.get(node.index);
    const isReturning =
      hello.session !== undefined &&
      current !== undefined &&
      equals(hello.session, Buffer.from(current.session));
    if (!isReturning && !(hello.token !== undefined && equals(hello.token, this.#token))) {
      return {
        code: "wrong-token",
        message: "the token or session is not valid for this run",
        next: "Use the join string of the coordinator that runs now.",
      };
    }
    if (node === undefined) {
      return {
        code: "unknown-node",
        message: `the cluster has no node ${JSON.stringify(hello.node)}; it has ${listNames(this.#plan)}`,
        next: "Start the agent with --name and one of these.",
      };
    }
    if (!isReturning && current !== undefined && this.#holdsName(current)) {
      const since = current.connected ? "is connected" : "lost its link moments ago and may come back";
      return {
        code: current.connected ? "name-in-use" : "token-used",
        message: `an agent on ${current.host} (pid ${current.pid}) has already joined as ${hello.node} and ${since}`,
        next: `Stop that agent first, or give this one its own name; the name is free ${leaseMs / 1_000} s after the other is gone.`,
      };
    }
    const member: Member = {
      node: node.index,
      session: isReturning ? current.session : randomBytes(24).toString("base64url"),
      version: hello.version,
      host: hello.host,
      pid: hello.pid,
      via: hello.via,
      connected: true,
      lostAt: undefined,
      lostBy: undefined,
      listening: undefined,
    };
    this.#members.set(node.index, member);
    return member;
  }

  lost(member: Member, by: NonNullable<Attendant["lostBy"]>): void {
    if (this.#members.get(member.node) !== member) return;
    member.lostBy = by;
    member.connected = false;
    member.lostAt = this.#now();
  }

  /** The agent left in good order: its name is free at once. */
  left(member: Member): void {
    if (this.#members.get(member.node) !== member) return;
    member.connected = false;
    member.lostAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * Nodes keep their agents by their names. What they hold under the new plan they have yet to say.
   * @returns those whose node is gone.
   */
  reassign(plan: Plan): ReadonlySet<Member> {
    const before = this.#plan.nodes;
    const positions = new Map(plan.nodes.map(({ name, index }) => [name, index]));
    const members = [...this.#members.values()];
    this.#plan = plan;
    this.#members = new Map();
    const removed = new Set<Member>();
    for (const member of members) {
      const position = positions.get(before[member.node]!.name);
      if (position === undefined) {
        removed.add(member);
        continue;
      }
      member.node = position;
      member.listening = undefined;
      this.#members.set(position, member);
    }
    return removed;
  }

  /** @returns what was wrong with the message, or undefined. */
  reportListening(member: Member, message: ListeningMessage): string | undefined {
    const report = listeningReportOf(message, this.#plan.nodes[member.node]!);
    if (report === undefined) return "the exceptions are not those of this node's ports";
    member.listening = report;
    return undefined;
  }

  member(node: number): Member | undefined {
    return this.#members.get(node);
  }

  /** Nodes whose agent is there and has its listeners open. */
  get ready(): Member[] {
    return [...this.#members.values()].filter(
      ({ connected, listening }) => connected && listening !== undefined,
    );
  }

  get missing(): string[] {
    return this.#plan.nodes.filter(({ index }) => !this.#isReady(index)).map(({ name }) => name);
  }

  /** Whether an agent may still come back by itself. */
  isWithinLease(node: number): boolean {
    const member = this.#members.get(node);
    return member !== undefined && this.#holdsName(member);
  }

  farEnd(node: number, transport: string, address: string, port: number): HeldFarEnd {
    return heldBy(this.#members.get(node), transport, address, port);
  }

  /** The ports of one address, or of one of several, that another process holds. */
  occupiedPorts(node: number, transport: string, addresses: readonly string[]): number[] {
    const exceptions = this.#members.get(node)?.listening?.exceptions.values() ?? [];
    return Array.from(exceptions)
      .filter(
        (each) =>
          each.state === "occupied" && each.transport === transport && addresses.includes(each.address),
      )
      .map(({ port }) => port);
  }

  /** All ports that other processes hold, as a text that is the same where they are. */
  occupied(node: number): string {
    const exceptions = this.#members.get(node)?.listening?.exceptions.values() ?? [];
    return Array.from(exceptions)
      .flatMap(({ state, transport, address, port }) =>
        state === "occupied" ? [`${transport} ${address} ${port}`] : [],
      )
      .join("\n");
  }

  #isReady(node: number): boolean {
    const member = this.#members.get(node);
    return member !== undefined && member.connected && member.listening !== undefined;
  }

  #holdsName(member: Member): boolean {
    return member.connected || (member.lostAt !== undefined && this.#now() - member.lostAt < leaseMs);
  }
}

function equals(text: string, secret: Buffer): boolean {
  const bytes = Buffer.from(text);
  return bytes.length === secret.length && timingSafeEqual(bytes, secret);
}

function listNames(plan: Plan): string {
  const names = plan.nodes.map(({ name }) => name);
  return names.length <= 12
    ? names.join(", ")
    : `${names.slice(0, 12).join(", ")} and ${names.length - 12} more`;
}
