/** A coordinator of which a test says every word, for what a real one would not say, or not so soon. */
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import { Authority } from "../../coordinator/authority.ts";
import { startServer } from "../../coordinator/server.ts";
import type { JoinString } from "../../shared/join-string.ts";
import { certificateName, coordinatorName } from "../../shared/link.ts";
import type {
  AgentMessage,
  CoordinatorMessage,
  HelloMessage,
  ListeningMessage,
  WelcomeMessage,
} from "../../shared/wire.ts";

export interface ScriptedLink {
  /** Sends a message and resolves with the first of this type that follows; what came before it is in `heard`. */
  ask<Type extends AgentMessage["type"]>(
    message: CoordinatorMessage,
    answer: Type,
  ): Promise<Extract<AgentMessage, { type: Type }>>;
  /** Resolves with all messages of this type, once there are so many. */
  told<Type extends AgentMessage["type"]>(
    type: Type,
    count: number,
  ): Promise<Extract<AgentMessage, { type: Type }>[]>;
  send(message: CoordinatorMessage): void;
  heard: AgentMessage[];
  listening: ListeningMessage;
  /** Ends the link without a word. */
  cut(): void;
}

export interface ScriptedCoordinator extends AsyncDisposable {
  join: JoinString;
  /** The next agent that dials, once it was welcomed and holds its ports. */
  next(): Promise<ScriptedLink>;
}

/** `plan` is what every agent is told of the nodes and of itself, whatever its name. */
export async function scriptedCoordinator(
  plan: Pick<WelcomeMessage, "nodes" | "listeners"> & Partial<Pick<WelcomeMessage, "respectServices">>,
): Promise<ScriptedCoordinator> {
  const authority = await Authority.create(new Date());
  const identity = await authority.serverIdentity(coordinatorName, new Date());
  const epoch = { id: 7, secret: randomBytes(32).toString("base64url") };
  const dialled: { socket: WebSocket; heard: AgentMessage[] }[] = [];
  let wake: () => void = () => {};
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    identity,
    onAgent(socket, settled) {
      settled();
      const heard: AgentMessage[] = [];
      socket.on("message", (data: Buffer) => {
        heard.push(JSON.parse(data.toString()) as AgentMessage);
        socket.emit("heard");
      });
      dialled.push({ socket, heard });
      wake();
    },
  });
  const welcome = async ({ node, publicKey }: HelloMessage): Promise<WelcomeMessage> => ({
    type: "welcome",
    session: "session",
    node: 0,
    cluster: "t",
    epoch,
    certificate: await authority.certify(publicKey, certificateName(node), new Date()),
    authority: authority.certificatePem,
    respectServices: false,
    round: 1,
    ...plan,
  });
  return {
    join: {
      cluster: "t",
      addresses: [`127.0.0.1:${server.port}`],
      pin: authority.pin,
      token: "token",
    },
    async next() {
      while (dialled.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const { socket, heard } = dialled.shift()!;
      const send = (message: CoordinatorMessage): void => socket.send(JSON.stringify(message));
      const answer = async <Type extends AgentMessage["type"]>(
        type: Type,
        after: number,
      ): Promise<Extract<AgentMessage, { type: Type }>> => {
        for (;;) {
          const found = heard.slice(after).find((message) => message.type === type);
          if (found !== undefined) return found as Extract<AgentMessage, { type: Type }>;
          await once(socket, "heard");
        }
      };
      send(await welcome(await answer("hello", 0)));
      const listening = await answer("listening", 0);
      return {
        heard,
        listening,
        send,
        async told(type, count) {
          for (;;) {
            const found = heard.filter((message) => message.type === type);
            if (found.length >= count) return found as never;
            await once(socket, "heard");
          }
        },
        ask(message, type) {
          const after = heard.length;
          send(message);
          return answer(type, after);
        },
        cut: () => socket.terminate(),
      };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
