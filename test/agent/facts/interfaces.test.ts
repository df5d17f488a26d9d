import { networkInterfaces } from "node:os";
import t from "tap";
import { commandsOn } from "../../../agent/facts/command.ts";
import { hostRoots } from "../../../agent/facts/host-files.ts";
import { readInterfaces } from "../../../agent/facts/interfaces.ts";
import { hostFolders } from "../../helpers/host-folders.ts";

const signal = new AbortController().signal;
const run = commandsOn(process.env["PATH"] ?? "");
const info = { netmask: "", mac: "", internal: false };

t.test("this host's interfaces have what Node and the kernel say of them", async (t) => {
  const found = await readInterfaces(networkInterfaces, hostRoots, run, new Date(), signal);
  const loopback = found.find(({ name }) => name === "lo");
  t.match(loopback, { mtu: 65_536 });
  t.match(
    loopback?.addresses.find(({ address }) => address === "127.0.0.1"),
    { prefix: 8, leased: false, from: /^ip addr/ },
  );
});

t.test(
  "without the tool, the MTU is that of /sys, and nothing tells whether addresses are leased",
  async (t) => {
    const roots = hostFolders(t, { sys: { class: { net: { eth0: { mtu: "1400\n" } } } } });
    const list = () => ({
      eth0: [{ ...info, family: "IPv4" as const, address: "10.0.0.1", cidr: "10.0.0.1/24" }],
      // A label of an address: the interface is eth0.
      "eth0:1": [{ ...info, family: "IPv4" as const, address: "10.0.0.2", cidr: "10.0.0.2/32" }],
      tun0: [{ ...info, family: "IPv6" as const, address: "FD00::A", cidr: "FD00::A/64", scopeid: 0 }],
    });
    const nothing = (): Promise<{ missing: true }> => Promise.resolve({ missing: true });
    t.strictSame(await readInterfaces(list, roots, nothing, new Date(), signal), [
      {
        name: "eth0",
        mtu: 1_400,
        addresses: [
          { address: "10.0.0.1", prefix: 24 },
          { address: "10.0.0.2", prefix: 32 },
        ],
      },
      { name: "tun0", addresses: [{ address: "fd00::a", prefix: 64 }] },
    ]);
  },
);
