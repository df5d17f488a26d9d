/** Finds the spec that an argument names. */
import { PortmeshError } from "../shared/errors.ts";
import type { ProductSpec } from "../shared/spec.ts";

/**
 * A shipped spec by its id; what has a dot or a slash is a path.
 * @throws PortmeshError where there is none, InvalidInputError with its mistakes.
 */
export async function loadSpec(id: string): Promise<ProductSpec> {
  const { readShippedSpec, readSpecFile, shippedSpecIds } = await import("../shared/spec-folder.ts");
  if (/[./]/.test(id)) return readSpecFile(id);
  const spec = readShippedSpec(id);
  if (spec === undefined)
    throw new PortmeshError("usage", `no spec ${id} is shipped`, {
      next: `There are ${shippedSpecIds().join(", ")}; a path names a file of your own.`,
    });
  return spec;
}
