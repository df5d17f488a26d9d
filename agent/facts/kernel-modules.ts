/** Whether modules of the running kernel are there: loaded, or built in. Modules are the same in every namespace. */
import { join } from "node:path";
import type { NodeFacts } from "../../shared/node-facts.ts";
import { settingsOfModules } from "../../shared/sysctl-name.ts";
import { exists, readText, type HostRoots } from "./host-files.ts";

type ModuleState = NodeFacts["modules"][string];

const moduleName = /^[\w-]{1,64}$/;
/** Distributions build in a thousand or more. */
const listBytes = 1024 * 1024;

export function readModules(names: readonly string[], roots: HostRoots): NodeFacts["modules"] {
  if (names.length === 0) return {};
  // name size users by-whom state address; a kernel that cannot load any has no such file
  const loaded = new Set(
    (readText(join(roots.proc, "modules"), listBytes) ?? "")
      .split("\n")
      .filter((line) => line.includes(" Live "))
      .map((line) => line.split(" ")[0]!),
  );
  const builtIn = readBuiltIn(roots);
  return Object.fromEntries(
    names
      .filter((name) => moduleName.test(name))
      .map((name) => [name, stateOf(kernelName(name), loaded, builtIn, roots)]),
  );
}

function stateOf(
  name: string,
  loaded: ReadonlySet<string>,
  builtIn: ReadonlySet<string> | undefined,
  roots: HostRoots,
): ModuleState {
  if (loaded.has(name)) return "loaded";
  const folder = join(roots.sys, "module", name);
  // What was built in has no state there, and no folder at all where it has no parameters.
  if (exists(folder)) {
    if (!exists(folder, "initstate")) return "built-in";
    return readText(join(folder, "initstate"))?.trim() === "live" ? "loaded" : "absent";
  }
  if (builtIn?.has(name) === true || isFilesystem(name, roots)) return "built-in";
  const settings = settingsOfModules[name];
  if (settings !== undefined && exists(roots.proc, "sys"))
    return exists(roots.proc, "sys", settings) ? "built-in" : "absent";
  return builtIn === undefined ? "unknown" : "absent";
}

/** modules.builtin of the running kernel (Documentation/kbuild/kbuild.rst); undefined where it is not there, as in containers. */
function readBuiltIn(roots: HostRoots): ReadonlySet<string> | undefined {
  const release = readText(join(roots.proc, "sys/kernel/osrelease"))?.trim();
  if (release === undefined || !/^[\w.+~-]+$/.test(release)) return undefined;
  const list = readText(join(roots.modules, release, "modules.builtin"), listBytes);
  if (list === undefined) return undefined;
  return new Set(Array.from(list.matchAll(/^\S*\/([^/\s]+)\.ko/gm), ([, name]) => kernelName(name!)));
}

/** /proc/filesystems names what can be mounted: `nodev overlay`. */
function isFilesystem(name: string, { proc }: HostRoots): boolean {
  return (readText(join(proc, "filesystems")) ?? "")
    .split("\n")
    .some((line) => line.trim().split(/\s+/).at(-1) === name);
}

/** Dashes and underscores are the same in names of modules (modprobe(8)). */
function kernelName(name: string): string {
  return name.replaceAll("-", "_");
}
