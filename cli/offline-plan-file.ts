/** Plan files of offline agents: written by `spec render --offline`, read by `agent --offline`. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Compile } from "typebox/compile";
import type { OfflinePlans } from "../coordinator/offline-plans.ts";
import { PortmeshError } from "../shared/errors.ts";
import { maxOfflineFileBytes, OfflinePlanSchema, type OfflinePlan } from "../shared/offline.ts";

/** For `merge --authority`; no name of a node has a dot. */
const authorityFile = "authority.pem";

/** Writes one file a node and the authority's certificate, all for this user only. Returns their paths. */
export function writeOfflinePlans({ plans, authority }: OfflinePlans, folder: string): string[] {
  const files = [
    ...Array.from(plans, ([node, plan]) => ({ name: `${node}.plan`, text: `${JSON.stringify(plan)}\n` })),
    { name: authorityFile, text: authority },
  ];
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return files.map(({ name, text }) => {
      const path = join(folder, name);
      writeFileSync(path, text, { mode: 0o600 });
      chmodSync(path, 0o600); // mode is ignored for a file that was there
      return path;
    });
  } catch (error) {
    throw new PortmeshError(
      "cannot-run",
      `cannot write the plans to ${folder}: ${(error as NodeJS.ErrnoException).code}`,
      { next: "Choose another folder with --offline DIR.", cause: error },
    );
  }
}

/** @throws PortmeshError where it is no plan, or cannot be read. */
export function readOfflinePlan(path: string): OfflinePlan {
  const text = readLimited(path, "the plan");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notAPlan(path, "it is no JSON, or only a part of it");
  }
  const { kind, version } = (value ?? {}) as Record<string, unknown>;
  if (kind !== "OfflinePlan") throw notAPlan(path, "its kind is not OfflinePlan");
  if (version !== 1) throw notAPlan(path, "it is of another version of Portmesh");
  const check = Compile(OfflinePlanSchema);
  if (check.Check(value)) return value;
  const [first] = check.Errors(value);
  throw notAPlan(path, `${first?.instancePath || "/"} ${first?.message ?? "is wrong"}`);
}

/** The text of a file that came by hand. @throws PortmeshError where it cannot be read or is too large. */
export function readLimited(path: string, what: string): string {
  try {
    if (statSync(path).size <= maxOfflineFileBytes) return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new PortmeshError("usage", `cannot read ${what} ${path}: ${code}`, { cause: error });
  }
  throw new PortmeshError("usage", `${path}: is larger than 64 MB, so it is not ${what}`);
}

/** Says nothing of what is in it: it holds a private key. */
function notAPlan(path: string, why: string): PortmeshError {
  return new PortmeshError("invalid-input", `${path}: is not a plan of an offline agent: ${why}`, {
    next: "Make the plans with: portmesh spec render CLUSTER.yaml --offline DIR",
  });
}
