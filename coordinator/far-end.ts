/** What is known of the far end of one probe: what its agent held, what it saw, and whether it lives. */
import type { FarEnd } from "../shared/judge.ts";
import type { Target } from "../shared/plan.ts";
import type { ListenerException } from "../shared/wire.ts";
import { hasVanished, type HostSigns, type LastHeard } from "./host-signs.ts";
import type { Attendance } from "./attendance.ts";
import type { Sighting, Sightings } from "./sightings.ts";

export interface KnownFarEnd extends FarEnd {
  exception?: ListenerException;
  sighting?: Sighting;
}

/** What far ends said of failed probes, and what all probes show of the hosts behind the addresses. */
export interface SeenOfHosts {
  sightings: Pick<Sightings, "at" | "unanswered" | "restarted">;
  hostSigns: { of(from: number, address: string, to: number): HostSigns | undefined };
}

export function farEndOf(
  target: Target,
  port: number,
  /** The address at which the node holds the port: of its loopback interface where the row is local to it. */
  heldAt: string,
  attendance: Pick<Attendance, "farEnd">,
  { sightings, hostSigns }: SeenOfHosts,
): KnownFarEnd {
  const held = attendance.farEnd(target.to, target.transport, heldAt, port);
  const isMute = sightings.unanswered.has(target.to);
  const isAway = isMute || sightings.restarted.has(target.to);
  const known: KnownFarEnd = { ...held, ...(held.agent === "alive" && isAway ? { agent: "gone" } : {}) };
  if (known.listener === "absent") known.leftToService = known.exception?.left === true;
  const lastHeard: LastHeard =
    known.agent === "alive" ? "alive" : held.lostBy === "silence" ? "silent" : isMute ? "mute" : "closed";
  if (known.agent !== "missing")
    known.hostVanished = hasVanished(hostSigns.of(target.from, target.address, target.to), lastHeard);
  const sighting = sightings.at(target.id, port);
  if (sighting === undefined) return known;
  const { sawRequest, impaired, serviceLeft } = sighting;
  return {
    ...known,
    sighting,
    sawRequest,
    impaired,
    serviceLeft: serviceLeft && held.listener === "occupied",
  };
}
