/** The folder in which a watched cluster keeps what must outlive its coordinator: its identity and its journal. */
import { lstatSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PortmeshError } from "../shared/errors.ts";
import { Authority, type KeptAuthority } from "./authority.ts";
import { writeDurably } from "./durable-file.ts";
import { createRunIdentity, type RunIdentity } from "./run-identity.ts";

/** Certificates are not renewed: a watched cluster must not outlive them. */
const lifetimeMs = 5 * 365 * 86_400_000;
const identityFile = "identity.json";
const othersMay = 0o077;

interface KeptIdentity {
  apiVersion: "portmesh/v1";
  kind: "CoordinatorIdentity";
  authority: KeptAuthority;
  token: string;
  epoch: RunIdentity["epoch"];
}

/**
 * Makes the folder if it is missing, for this user alone.
 * @throws PortmeshError where it cannot be made or written to, or is no folder.
 */
export function prepareDataDir(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new PortmeshError(
      "cannot-run",
      `cannot make the data folder ${folder}: ${(error as NodeJS.ErrnoException).code}`,
      { next: "Choose another one with --data-dir DIR.", cause: error },
    );
  }
  if (!lstatSync(folder).isDirectory())
    throw new PortmeshError("cannot-run", `${folder} is no folder`, {
      next: "Choose another one with --data-dir DIR.",
    });
}

/**
 * The identity in the folder, made the first time. It is written whole or not at all.
 * @throws PortmeshError where it cannot be read or written, or others than this user may read it.
 */
export async function keptIdentity(folder: string, now: Date): Promise<RunIdentity> {
  const path = join(folder, identityFile);
  const text = read(path);
  if (text !== undefined) return parse(path, text);
  const identity = await createRunIdentity(now, lifetimeMs);
  const { authority, token, epoch } = identity;
  const kept: KeptIdentity = {
    apiVersion: "portmesh/v1",
    kind: "CoordinatorIdentity",
    authority: await authority.export(),
    token,
    epoch,
  };
  writeDurably(path, `${JSON.stringify(kept, undefined, 2)}\n`);
  return identity;
}

function read(path: string): string | undefined {
  try {
    const found = lstatSync(path);
    if (!found.isFile() || (found.mode & othersMay) !== 0)
      throw new PortmeshError("cannot-run", `${path} holds secrets, and others may read it`, {
        next: `chmod 600 ${path}, or remove it: agents need a new join string then.`,
      });
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (error instanceof PortmeshError) throw error;
    throw new PortmeshError("cannot-run", `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
}

async function parse(path: string, text: string): Promise<RunIdentity> {
  try {
    const { kind, authority, token, epoch } = JSON.parse(text) as KeptIdentity;
    if (kind !== "CoordinatorIdentity" || typeof token !== "string" || typeof epoch.secret !== "string")
      throw new TypeError("not an identity");
    return { authority: await Authority.load(authority), token, epoch };
  } catch (error) {
    throw new PortmeshError("cannot-run", `${path} is damaged, or of another version`, {
      next: "Restore it from a backup, or remove it: agents need a new join string then.",
      cause: error,
    });
  }
}
