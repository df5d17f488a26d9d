/** Names in requests. */
import type { Plan } from "../../shared/plan.ts";
import { notFound } from "./problems.ts";

/** @throws ApiError 404 with the names that there are. */
export function nodeNamed({ nodes }: Plan, name: string): number {
  const node = nodes.find((each) => each.name === name);
  if (node === undefined)
    throw notFound(
      `node ${JSON.stringify(name.slice(0, 100))}`,
      nodes.map((each) => each.name),
    );
  return node.index;
}
