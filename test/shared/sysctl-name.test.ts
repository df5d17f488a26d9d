import t from "tap";
import { moduleOfSetting, sysctlPath } from "../../shared/sysctl-name.ts";

t.test("names of settings are paths below /proc/sys", async (t) => {
  const cases: [name: string, path: string | undefined][] = [
    ["net.ipv4.ip_forward", "net/ipv4/ip_forward"],
    ["net/ipv4/ip_forward", "net/ipv4/ip_forward"],
    ["net.bridge.bridge-nf-call-iptables", "net/bridge/bridge-nf-call-iptables"],
    ["net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"],
    ["net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"],
    ["vm", undefined],
    ["../etc/passwd", undefined],
    ["net.ipv4.//.x", undefined],
    ["net/../../etc/passwd", undefined],
    ["/etc/passwd", undefined],
    ["net.ipv4.$(id)", undefined],
    ["net..ipv4", undefined],
    [`net.${"x".repeat(200)}`, undefined],
  ];
  for (const [name, path] of cases) t.equal(sysctlPath(name), path, name);
});

t.test("settings that only a module brings name it", async (t) => {
  t.equal(moduleOfSetting("net/bridge/bridge-nf-call-iptables"), "br_netfilter");
  t.equal(moduleOfSetting("net/netfilter/nf_conntrack_max"), "nf_conntrack");
  t.equal(moduleOfSetting("net/bridges"), undefined);
  t.equal(moduleOfSetting("net/ipv4/ip_forward"), undefined);
});
