/** A host's trees in a temporary folder, as tests need them. */
import { join } from "node:path";
import type { Test } from "tap";
import type { HostRoots } from "../../agent/facts/host-files.ts";

export type Tree = NonNullable<Parameters<Test["testdir"]>[0]>;

/** Each tree is at home in a folder of its own; what is not given is not there. */
export function hostFolders(t: Test, trees: Partial<Record<keyof HostRoots, Tree>>): HostRoots {
  const folder = t.testdir(trees);
  const at = (name: keyof HostRoots): string => join(folder, name);
  return {
    proc: at("proc"),
    sys: at("sys"),
    etc: at("etc"),
    modules: at("modules"),
    run: at("run"),
    var: at("var"),
  };
}
