/** What this host's own routing table says of an address, without sending anything. */
import { createSocket } from "node:dgram";
import { familyOf } from "../../shared/addresses.ts";
import { neighbourTimeoutMs } from "../../shared/judge.ts";
import type { Outcome } from "../../shared/outcome.ts";

/** Whether this host's own routing table may have said it, and not a router. */
export function mayBeLocal({ kind, elapsedMs }: Pick<Outcome, "kind" | "elapsedMs">): boolean {
  return kind === "unreachable" && elapsedMs < neighbourTimeoutMs;
}

/**
 * The errno of a route that is missing (ENETUNREACH, EHOSTUNREACH) or forbids (EACCES, EINVAL) here, or
 * undefined where there is one: connecting a UDP socket looks the route up and no more.
 */
export function localRouteFault(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(familyOf(address) === 6 ? "udp6" : "udp4");
    const end = (code: string | undefined): void => {
      socket.close();
      resolve(code);
    };
    // With a callback, connect() would hand its error to that instead of emitting it.
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code));
    socket.once("connect", () => end(undefined));
    socket.connect(discardPort, address);
  });
}

/** RFC 863; any port would do. */
const discardPort = 9;
