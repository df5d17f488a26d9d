/**
 * By what agents know the coordinator and each other: the authority, the token of the join string, and the key under
 * which probes prove themselves. A check makes them anew; a watched cluster keeps them, so that its agents find
 * their way back to a coordinator that was started again.
 */
import { randomBytes } from "node:crypto";
import { Authority } from "./authority.ts";

export interface RunIdentity {
  authority: Authority;
  token: string;
  epoch: { id: number; secret: string };
}

/** `lifetimeMs` of the certificates; the default is that of a check. */
export async function createRunIdentity(now: Date, lifetimeMs?: number): Promise<RunIdentity> {
  return {
    authority: await Authority.create(now, lifetimeMs),
    token: randomBytes(24).toString("base64url"),
    epoch: { id: randomBytes(4).readUInt32BE(0), secret: randomBytes(32).toString("base64url") },
  };
}
