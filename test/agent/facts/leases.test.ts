import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { HostRoots } from "../../../agent/facts/host-files.ts";
import { readKernelInterfaces } from "../../../agent/facts/kernel-addresses.ts";
import { Leases, type Lease } from "../../../agent/facts/leases.ts";
import { hostFolders, type Tree } from "../../helpers/host-folders.ts";

const now = new Date("2026-11-21T12:00:00Z");
const address = "10.9.0.115";
const place = { name: "eth0", addresses: [address] };

/** What `ip -json address` says of an address that is valid for so long. */
function kernel(seconds = 4_294_967_295): ReturnType<typeof readKernelInterfaces> {
  const info = { family: "inet", local: address, prefixlen: 24, valid_life_time: seconds };
  return readKernelInterfaces({
    out: JSON.stringify([{ ifindex: 2, ifname: "eth0", mtu: 1_500, addr_info: [info] }]),
  });
}

function leaseIn(roots: HostRoots, told = kernel()): Lease {
  return new Leases(roots, told, now).of(address, place);
}

/** /proc/net/udp with one socket, as a little-endian kernel prints it. */
function udp(local: string): Tree {
  return {
    udp: `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1743: ${local} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 39580479 2 00000000d328a15a 0
`,
  };
}

t.test("an address that the kernel will forget is leased", async (t) => {
  t.strictSame(leaseIn(hostFolders(t, {}), kernel(120)), {
    leased: true,
    from: "ip addr: valid for another 120 s",
  });
});

t.test("one that is valid for ever is not, where no client is at work", async (t) => {
  t.strictSame(leaseIn(hostFolders(t, {})), {
    leased: false,
    from: "ip addr: valid for ever, and no DHCP client",
  });
});

t.test("nothing is said where the kernel itself asked DHCP as it started", async (t) => {
  const started = (pnp: string): Lease => leaseIn(hostFolders(t, { proc: { net: { pnp } } }));
  t.strictSame(started("#PROTO: DHCP\nnameserver 10.9.0.1\nbootserver 10.9.0.1\n"), {});
  t.match(started("#MANUAL\n"), { leased: false });
});

t.test("nothing is said where the kernel was not asked and nothing else tells", async (t) => {
  const untold = readKernelInterfaces({ missing: true });
  t.strictSame(new Leases(hostFolders(t, {}), untold, now).of(address, place), {});
});

t.test("lease files of systemd-networkd, klibc, NetworkManager and dhclient", async (t) => {
  const dhclient = (expire: string): string => `lease {
  interface "eth0";
  fixed-address 10.9.0.99;
  expire never;
}
lease {
  interface "eth0";
  fixed-address ${address};
  option dhcp-lease-time 120;
  renew 6 2026/11/21 12:08:50;
  expire ${expire};
}
`;
  const assigned = `# This is private data. Do not parse.\nADDRESS=${address}\nNETMASK=255.255.255.0\n`;
  const klibc = (proto: string): string => `DEVICE='eth0'\nPROTO='${proto}'\nIPV4ADDR='${address}'\n`;
  const at68 = udp("0100007F:0044");
  const cases: [what: string, trees: Parameters<typeof hostFolders>[1], leased: boolean][] = [
    ["networkd", { run: { systemd: { netif: { leases: { "2": assigned } } } } }, true],
    ["networkd, another interface", { run: { systemd: { netif: { leases: { "3": assigned } } } } }, false],
    ["klibc", { run: { "net-eth0.conf": klibc("dhcp") } }, true],
    ["klibc, static", { run: { "net-eth0.conf": klibc("static") } }, false],
    [
      "NetworkManager",
      { proc: { net: at68 }, var: { lib: { NetworkManager: { "internal-1-2-eth0.lease": assigned } } } },
      true,
    ],
    [
      "NetworkManager, long ago",
      { var: { lib: { NetworkManager: { "internal-1-2-eth0.lease": assigned } } } },
      false,
    ],
    [
      "dhclient",
      { var: { lib: { dhcp: { "dhclient.eth0.leases": dhclient("6 2026/11/21 12:09:52") } } } },
      true,
    ],
    [
      "dhclient, over",
      { var: { lib: { dhcp: { "dhclient.eth0.leases": dhclient("6 2026/11/21 11:09:52") } } } },
      false,
    ],
    ["dhclient, for ever", { var: { lib: { dhcp: { "dhclient.leases": dhclient("never") } } } }, true],
    [
      "dhclient, epoch",
      { var: { lib: { dhcp: { "dhclient.leases": dhclient("epoch 1795262992; # Sat") } } } },
      true,
    ],
    ["dhclient, of eth01", { var: { lib: { dhcp: { "dhclient.eth01.leases": dhclient("never") } } } }, false],
  ];
  for (const [what, trees, leased] of cases) t.equal(leaseIn(hostFolders(t, trees)).leased, leased, what);
});

t.test(
  "a client's port at the address tells; at all addresses it keeps others from being called static",
  async (t) => {
    t.match(leaseIn(hostFolders(t, { proc: { net: udp("7300090A:0044") } })), {
      leased: true,
      from: /\/net\/udp/,
    });
    t.strictSame(leaseIn(hostFolders(t, { proc: { net: udp("00000000:0044") } })), {});
    t.equal(
      leaseIn(hostFolders(t, { proc: { net: udp("7300090A:0043") } })).leased,
      false,
      "67 is a server's",
    );
  },
);

t.test("a client that runs for the interface has brought its only address", async (t) => {
  const process = async (t: Test, ...args: string[]): Promise<HostRoots> => {
    // A program of that name that waits: tail, started by a copy.
    const roots = hostFolders(t, { sys: { class: { net: { eth0: {}, eth1: {} } } } });
    const program = join(t.testdirName, "udhcpc");
    copyFileSync("/usr/bin/tail", program);
    const child = spawn(program, ["-f", "/dev/null", ...args], { stdio: "ignore" });
    await once(child, "spawn");
    t.teardown(() => {
      child.kill("SIGKILL");
      return once(child, "exit");
    });
    mkdirSync(roots.proc, { recursive: true });
    return { ...roots, proc: "/proc" };
  };
  await t.test("for this one", async (t) => {
    t.match(leaseIn(await process(t, "eth0")), { leased: true, from: /^udhcpc \(pid \d+\) runs for eth0$/ });
  });
  await t.test("for another one", async (t) => {
    t.equal(leaseIn(await process(t, "eth1")).leased, false);
  });
  await t.test("for all: nobody knows which", async (t) => {
    t.strictSame(leaseIn(await process(t)), {});
  });
  await t.test("for one with several addresses: nobody knows which", async (t) => {
    const two = { name: "eth0", addresses: [address, "10.9.0.2"] };
    t.strictSame(new Leases(await process(t, "eth0"), kernel(), now).of(address, two), {});
  });
});
