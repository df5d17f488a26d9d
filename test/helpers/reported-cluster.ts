/** The cluster of `coordinator-process.ts`: three nodes, each of which probes the others on four ports. */
import { clusterOf, flowOf, nodesOf, specOf } from "./domain-fixtures.ts";

const spec = specOf({
  flows: [flowOf("gossip", { ports: "9000-9002" }), flowOf("web", { ports: 9_443, security: "tls" })],
});
export const reportedCluster = clusterOf(spec, nodesOf(["peer"], ["peer"], ["peer"]));
export const reportedNodes = ["n1", "n2", "n3"];
