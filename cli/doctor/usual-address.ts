/** The address by which a host is known, where no cluster file says it. */
import { existsSync } from "node:fs";
import { networkInterfaces, type NetworkInterfaceInfo } from "node:os";
import { join } from "node:path";
import { sourceToward } from "../../agent/protocols/local-route.ts";
import { canonicalAddress } from "../../shared/addresses.ts";

export interface Surroundings {
  /** The address that packets to this one would come from; undefined where there is no route. */
  sourceToward: (address: string) => Promise<string | undefined>;
  interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  isBridge: (name: string) => boolean;
}

const thisHost: Surroundings = {
  sourceToward,
  interfaces: networkInterfaces,
  isBridge: (name) => existsSync(join("/sys/class/net", name, "bridge")),
};

/** RFC 5737, RFC 3849: nobody has these, so that any route to them is the one to the world. */
const world = { IPv4: "198.51.100.1", IPv6: "2001:db8::1" } as const;
/** RFC 3927, RFC 4291 section 2.5.6: of one link only. */
const linkLocal = /^(169\.254\.|fe[89ab])/i;

/**
 * The one with which this host reaches the world, IPv4 first. Without a route there, as in networks of their own,
 * the first of an interface that is no bridge, since bridges are mostly those of containers; else loopback.
 */
export async function usualAddress(host: Surroundings = thisHost): Promise<string> {
  const own = Object.entries(host.interfaces()).flatMap(([name, infos = []]) =>
    infos
      .filter(({ internal, address }) => !internal && !linkLocal.test(address))
      .map(({ family, address }) => ({ family, address, isBridge: host.isBridge(name.split(":")[0]!) })),
  );
  for (const family of ["IPv4", "IPv6"] as const) {
    const found =
      (await host.sourceToward(world[family])) ??
      own.find((each) => each.family === family && !each.isBridge)?.address;
    if (found !== undefined) return canonicalAddress(found);
  }
  return canonicalAddress(own[0]?.address ?? "127.0.0.1");
}
