import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { hostRoots } from "../../../agent/facts/host-files.ts";
import { readEphemeral, readSysctls } from "../../../agent/facts/sysctls.ts";
import { hostFolders } from "../../helpers/host-folders.ts";

t.test("settings are read by name, and one that the host does not have is null", async (t) => {
  const roots = hostFolders(t, {
    proc: {
      sys: {
        net: {
          ipv4: {
            ip_forward: "1\n",
            tcp_rmem: "4096\t131072\t6291456\n",
            conf: { "eth0.100": { rp_filter: "2\n" } },
          },
        },
      },
    },
  });
  const names = [
    "net.ipv4.ip_forward",
    "net/ipv4/tcp_rmem",
    "net.ipv4.conf.eth0/100.rp_filter",
    "net.bridge.bridge-nf-call-iptables",
  ];
  t.strictSame(readSysctls(names, roots), {
    "net.ipv4.ip_forward": "1",
    "net/ipv4/tcp_rmem": "4096 131072 6291456",
    "net.ipv4.conf.eth0/100.rp_filter": "2",
    "net.bridge.bridge-nf-call-iptables": null,
  });
});

t.test("nobody is told what is no setting, too long, or not for every user", async (t) => {
  const roots = hostFolders(t, {
    proc: {
      secret: "s",
      sys: { net: { ipv4: { tcp_fastopen_key: "k\n", long: `${"x".repeat(201)}\n` } }, vm: {} },
    },
  });
  chmodSync(join(roots.proc, "sys/net/ipv4/tcp_fastopen_key"), 0o600);
  const names = [
    "net.ipv4.tcp_fastopen_key",
    "net.ipv4.long",
    "net.ipv4",
    "net/../../secret",
    "../secret",
    "vm",
  ];
  t.strictSame(readSysctls(names, roots), {});
});

t.test("without /proc/sys nothing is known of a setting, not even that it is missing", async (t) => {
  const roots = hostFolders(t, { proc: {} });
  t.strictSame(readSysctls(["net.ipv4.ip_forward"], roots), {});
  t.equal(readEphemeral(roots), undefined);
});

t.test("the range for connections comes with what is kept out of it", async (t) => {
  const range = { ip_local_port_range: "32768\t60999\n", ip_local_reserved_ports: "33000,40000-40010\n" };
  const roots = hostFolders(t, { proc: { sys: { net: { ipv4: range } } } });
  t.strictSame(readEphemeral(roots), { first: 32_768, last: 60_999, reserved: "33000,40000-40010" });
});

t.test("this host says the same as its own files", async (t) => {
  const shown = readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim();
  t.strictSame(readSysctls(["net.ipv4.ip_forward"], hostRoots), { "net.ipv4.ip_forward": shown });
  t.match(readEphemeral(hostRoots), { first: Number, last: Number, reserved: String });
});
