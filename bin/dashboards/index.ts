/** The dashboards, from the whole to the single node. */
import { agents } from "./agents.ts";
import type { Dashboard } from "./dashboard.ts";
import { matrix } from "./matrix.ts";
import { node } from "./node.ts";
import { overview } from "./overview.ts";

export const dashboards: readonly Dashboard[] = [overview, matrix, node, agents];
