/**
 * Commands that mend a host, to be pasted into a shell of root as they are: parts of them come from specs and
 * from agents, so nothing reaches the shell unquoted.
 */

/** One word of a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Sets a kernel setting now and for every start (sysctl(8), sysctl.d(5)). `owner` names the file. */
export function setSysctl(key: string, value: string, owner: string): string {
  const line = quoted(`${key} = ${value}`);
  return `sysctl -w ${quoted(`${key}=${value}`)} && echo ${line} >>${quoted(`/etc/sysctl.d/99-${owner}.conf`)}`;
}

/** Loads a module now and at every start (modprobe(8), modules-load.d(5)). */
export function loadModule(module: string): string {
  return `modprobe ${quoted(module)} && echo ${quoted(module)} >${quoted(`/etc/modules-load.d/${module}.conf`)}`;
}
