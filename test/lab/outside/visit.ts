/** Looks at a server from a host of the lab without Portmesh, to prove that it is what a test takes it for. */
import { join } from "node:path";
import type { Host } from "../host.ts";

interface At {
  host: string;
  port: number;
}
/** Bytes are written as latin1; `hear` is a regular expression of what ends the waiting. */
type Step = { say: string } | { hear: string } | { tls: string; ca?: string };
export interface Conversation extends At {
  steps: readonly Step[];
}
export interface Datagram extends At {
  datagram: string;
}
export type Visit = Conversation | Datagram | { lookup: string };

export interface Found {
  /** One entry a `hear`, or the datagram that came back; `<end>` where the far end left. */
  heard: string[];
  addresses: string[];
  tls?: { protocol: string; issuer: string; code?: string };
  /** An errno, or a code of OpenSSL. */
  error?: string;
}

const script = join(import.meta.dirname, "../boxes/visitor.ts");

export async function visit(from: Host, what: Visit): Promise<Found> {
  return JSON.parse(await from.run(process.execPath, [script, JSON.stringify(what)])) as Found;
}
