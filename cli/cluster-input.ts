/** Reads a cluster file and the specs it names from disk. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseCluster, type Cluster } from "../shared/cluster-file.ts";
import { readShippedSpec, readSpecFile, readTextFile, shippedSpecIds } from "../shared/spec-folder.ts";

/** @throws InvalidInputError with every mistake of the cluster file and its specs; PortmeshError where it cannot be read. */
export function readCluster(path: string): Cluster {
  return parseCluster(readTextFile(path, "the cluster file"), path, {
    shippedIds: shippedSpecIds,
    shipped: (id) => readShippedSpec(id)!,
    file: (name) => {
      const file = resolve(dirname(path), name);
      return existsSync(file) ? readSpecFile(file) : undefined;
    },
    text: (name) => {
      try {
        return readTextFile(resolve(dirname(path), name), "the file");
      } catch {
        return undefined; // told with the place in the cluster file
      }
    },
  });
}
