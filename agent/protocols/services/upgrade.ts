/** The upgrade of `/` to WebSocket, and whether it was granted: to this request, and to no other (RFC 6455 section 4). */
import { createHash, randomBytes } from "node:crypto";
import { readHead } from "../http-head.ts";
import type { Place, Reading } from "./exchange.ts";
import { readStatus, requestOf } from "./http.ts";

/** RFC 6455 section 1.3. */
const suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export interface Upgrade {
  opening: Buffer;
  /** `granted`, an answer that grants nothing, or undefined while it is not whole. */
  read: (answer: Buffer) => "granted" | Reading | undefined;
}

export function upgradeOf(place: Place, headers: readonly string[] = []): Upgrade {
  const key = randomBytes(16).toString("base64");
  const accept = createHash("sha1")
    .update(key + suffix)
    .digest("base64");
  return {
    opening: requestOf("GET", place, [
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      ...headers,
      `Sec-WebSocket-Key: ${key}`,
    ]),
    read(answer) {
      const reading = readStatus(answer);
      if (reading?.found?.status !== 101) return reading;
      const head = readHead(answer);
      if (head === undefined) return undefined;
      const accepted = head.headers.flatMap(
        (line) => /^sec-websocket-accept:\s*(\S*)\s*$/i.exec(line)?.[1] ?? [],
      );
      if (accepted.length === 1 && accepted[0] === accept) return "granted";
      // Recorded, or made up by who does not know WebSocket.
      return { kind: "wrong-answer", detail: "101 to another request: its Sec-WebSocket-Accept is not ours" };
    },
  };
}
