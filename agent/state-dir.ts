/** The folder where agents of one host keep their sockets, so that commands on that host find them, and what has to outlive them. */
import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PortmeshError } from "../shared/errors.ts";

/** `sun_path` holds 108 bytes, the last of which is zero (unix(7)). */
const maxPathBytes = 107;
const othersMayWrite = 0o022;
const suffix = ".sock";

/** /run/portmesh for root, else a private folder of the user. */
export function defaultStateDir(env: NodeJS.ProcessEnv, uid: number | undefined): string {
  if (uid === 0) return "/run/portmesh";
  const runtime = env["XDG_RUNTIME_DIR"];
  if (runtime !== undefined && runtime !== "") return join(runtime, "portmesh");
  return join(tmpdir(), `portmesh-${uid ?? "agent"}`);
}

/** @throws PortmeshError where the name or the path is impossible. */
export function socketPath(folder: string, node: string): string {
  // A name of the cluster file; anything else could lead out of the folder.
  if (!/^[a-z0-9][a-z0-9-]*$/.test(node))
    throw new PortmeshError("usage", `${JSON.stringify(node)} is no name of a node`, {
      next: "Names are lower-case letters, digits and hyphens, as in the cluster file.",
    });
  const path = join(folder, `${node}${suffix}`);
  const bytes = Buffer.byteLength(path);
  if (bytes <= maxPathBytes) return path;
  throw new PortmeshError(
    "usage",
    `the path ${path} is too long for a socket: ${bytes} bytes of at most ${maxPathBytes}`,
    { next: "Choose a folder with a shorter path: --state-dir DIR." },
  );
}

/** Where the agent of a node keeps what its coordinator has not acknowledged. */
export function backlogFolder(folder: string, node: string): string {
  return join(folder, `${node}.backlog`);
}

export function nodeOfSocket(file: string): string | undefined {
  return file.endsWith(suffix) ? file.slice(0, -suffix.length) : undefined;
}

/**
 * Makes the folder if it is missing, for this user alone.
 * @throws PortmeshError where it cannot be made, or where others could replace what is in it.
 */
export function prepareStateDir(folder: string, uid: number | undefined): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new PortmeshError("cannot-run", `cannot make ${folder}: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
  const found = lstatSync(folder);
  const isOurs = uid === undefined || found.uid === uid || found.uid === 0;
  if (!found.isDirectory() || !isOurs || (found.mode & othersMayWrite) !== 0)
    throw new PortmeshError("cannot-run", `${folder} is no folder that only this user can write to`);
}
