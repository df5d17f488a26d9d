/** A lab with hosts inside and outside, for as long as a test file runs. */
import type { Test } from "tap";
import { Lab } from "../lab.ts";

export async function outsideLab(
  t: Pick<Test, "teardown">,
  inside: readonly string[],
  outside: readonly string[],
): Promise<Lab> {
  const lab = await Lab.create({
    hosts: [
      ...inside.map((name) => ({ name, zone: "inside" })),
      ...outside.map((name) => ({ name, zone: "outside" })),
    ],
  });
  t.teardown(() => lab[Symbol.asyncDispose]());
  return lab;
}
