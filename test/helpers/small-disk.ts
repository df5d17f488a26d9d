/** A disk of a few megabytes, and how to fill it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** For as long as it is in scope. */
export function smallDisk(mebibytes: number): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "portmesh-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path]);
  return {
    path,
    [Symbol.dispose]: () => {
      execFileSync("umount", ["--lazy", path]);
      rmdirSync(path);
    },
  };
}

/** A file that takes all the room that there is on its disk. */
export function fillUp(path: string): void {
  const { bavail, bsize } = statfsSync(join(path, ".."));
  // The last write is the one that does not fit.
  try {
    writeFileSync(path, Buffer.alloc(bavail * bsize + 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
