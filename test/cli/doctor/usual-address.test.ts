import type { NetworkInterfaceInfo } from "node:os";
import t from "tap";
import { usualAddress } from "../../../cli/doctor/usual-address.ts";

function on(...addresses: string[]): NetworkInterfaceInfo[] {
  return addresses.map((address) => ({
    address,
    family: address.includes(":") ? "IPv6" : "IPv4",
    internal: address.startsWith("127.") || address === "::1",
  })) as NetworkInterfaceInfo[];
}

function of(
  interfaces: Record<string, NetworkInterfaceInfo[]>,
  routes: Record<string, string> = {},
): Promise<string> {
  return usualAddress({
    sourceToward: async (address) => routes[address.includes(":") ? "v6" : "v4"],
    interfaces: () => interfaces,
    isBridge: (name) => name === "docker0",
  });
}

const lo = on("127.0.0.1", "::1");
const docker0 = on("172.17.0.1");

t.test("it is the one with which the host reaches the world", async (t) => {
  const eth = on("10.0.0.5", "10.0.0.6", "2001:db8:1::5");
  t.equal(await of({ lo, docker0, eth0: eth }, { v4: "10.0.0.6", v6: "2001:db8:1::5" }), "10.0.0.6");
  t.equal(await of({ lo, docker0 }, { v6: "2001:db8:1::5" }), "2001:db8:1::5", "IPv6 alone");
});

t.test("in a network that leads nowhere it is that of an interface, and not loopback", async (t) => {
  t.equal(await of({ lo, docker0, eth0: on("fe80::1", "169.254.3.3", "10.0.0.5") }), "10.0.0.5");
  t.equal(await of({ lo, "eth0:1": on("10.0.0.5") }, { v6: "2001:db8:1::5" }), "10.0.0.5", "IPv4 first");
  t.equal(await of({ lo, docker0, eth0: on("FD00::5") }), "fd00::5");
  t.equal(await of({ lo, docker0 }), "172.17.0.1", "a bridge where there is nothing else");
  t.equal(await of({ lo }), "127.0.0.1");
});
