import t from "tap";
import { readModules } from "../../../agent/facts/kernel-modules.ts";
import { hostFolders } from "../../helpers/host-folders.ts";

const modules = `br_netfilter 32768 0 - Live 0xffffffffc0a00000
going 16384 0 - Unloading 0xffffffffc0a10000
`;
const kernel = { kernel: { osrelease: "6.1.0-9-amd64\n" } };

t.test("loaded, built in by the list, built in by its folder, and absent", async (t) => {
  const roots = hostFolders(t, {
    proc: { modules, filesystems: "nodev\tsysfs\nnodev\toverlay\n\text4\n", sys: { ...kernel, net: {} } },
    sys: {
      module: {
        tcp_cubic: { parameters: {} },
        vxlan: { initstate: "live\n" },
        nbd: { initstate: "coming\n" },
      },
    },
    modules: {
      "6.1.0-9-amd64": { "modules.builtin": "kernel/fs/fuse/fuse.ko\nkernel/net/8021q/8021q.ko.xz\n" },
    },
  });
  const names = [
    "br_netfilter",
    "br-netfilter",
    "fuse",
    "8021q",
    "tcp_cubic",
    "vxlan",
    "nbd",
    "overlay",
    "going",
    "ip_vs",
  ];
  t.strictSame(readModules(names, roots), {
    br_netfilter: "loaded",
    "br-netfilter": "loaded",
    fuse: "built-in",
    "8021q": "built-in",
    tcp_cubic: "built-in",
    vxlan: "loaded",
    nbd: "absent",
    overlay: "built-in",
    going: "absent",
    ip_vs: "absent",
  });
});

t.test(
  "where there is no list of what is built in, a module is unknown unless its settings tell",
  async (t) => {
    const roots = hostFolders(t, { proc: { modules: "", sys: { ...kernel, net: { bridge: {} } } } });
    t.strictSame(readModules(["br_netfilter", "nf_conntrack", "ip_vs"], roots), {
      br_netfilter: "built-in",
      nf_conntrack: "absent",
      ip_vs: "unknown",
    });
    t.strictSame(readModules(["br_netfilter"], hostFolders(t, {})), { br_netfilter: "unknown" });
  },
);

t.test("what is no name of a module is not looked for", async (t) => {
  t.strictSame(readModules(["../proc", "a b", ""], hostFolders(t, {})), {});
});
