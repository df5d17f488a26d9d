/**
 * The address plan. Host h of zone z (both counted from 1) has a link of its own to the router, so that no
 * packet between two hosts can miss the router:
 *
 *   IPv4  10.z.0.0/16 is the zone; in it the h-th /30, router first: 10.1.0.5 and 10.1.0.6 for h = 1
 *   IPv6  fd00:z::/32 is the zone; fd00:z:h::/64 the link, router ::1, host ::2
 *
 * Labs do not see each other, so all use the same plan.
 */

/** The first /30 stays unused, so that h counts from 1 in both families. */
const maxHosts = 2 ** 14 - 1;
const maxZones = 255;

export interface LinkAddresses {
  host: string;
  host6: string;
  router: string;
  router6: string;
}

export function linkAddresses(zone: number, host: number): LinkAddresses {
  if (zone < 1 || zone > maxZones) throw new RangeError(`a lab has at most ${maxZones} zones`);
  if (host < 1 || host > maxHosts) throw new RangeError(`a zone of a lab has at most ${maxHosts} hosts`);
  const first = host * 4;
  const v4 = (offset: number): string => `10.${zone}.${(first + offset) >> 8}.${(first + offset) & 255}`;
  const prefix6 = `fd00:${zone.toString(16)}:${host.toString(16)}`;
  return { router: v4(1), host: v4(2), router6: `${prefix6}::1`, host6: `${prefix6}::2` };
}

export function zonePrefixes(zone: number): { v4: string; v6: string } {
  return { v4: `10.${zone}.0.0/16`, v6: `fd00:${zone.toString(16)}::/32` };
}
