/** Names of kernel settings, as sysctl(8) and sysctl.d(5) write them. */

const maxLength = 200;

/**
 * The path below /proc/sys of `net.ipv4.ip_forward`, `net/ipv4/ip_forward` or `net.ipv4.conf.eth0/100.rp_filter`;
 * undefined where the text is no such name. Of dots and slashes the one that comes first separates, the other
 * is part of a name with the two exchanged (sysctl.d(5)).
 */
export function sysctlPath(name: string): string | undefined {
  if (name.length > maxLength || !/^[\w@:./-]+$/.test(name)) return undefined;
  const separator = /[./]/.exec(name)?.[0];
  const path = separator === "." ? name.replaceAll(/[./]/g, (each) => (each === "." ? "/" : ".")) : name;
  const segments = path.split("/");
  return segments.length < 2 || segments.some((segment) => /^\.{0,2}$/.test(segment)) ? undefined : path;
}

/**
 * Settings that are there only while a module is loaded, or built in: below this path of /proc/sys. So they
 * tell of the module even where the kernel has no list of what is built in.
 */
export const settingsOfModules: Readonly<Record<string, string>> = {
  br_netfilter: "net/bridge",
  nf_conntrack: "net/netfilter/nf_conntrack_max",
};

/** The module whose settings are below this path, where one is known. */
export function moduleOfSetting(path: string): string | undefined {
  return Object.keys(settingsOfModules).find((module) => {
    const below = settingsOfModules[module]!;
    return path === below || path.startsWith(`${below}/`);
  });
}
