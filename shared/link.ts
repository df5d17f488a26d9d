/** Names and limits of the link between agent and coordinator that both ends must share. */

/** Negotiated at the upgrade; a breaking change of the messages raises the number. */
export const linkProtocol = "portmesh.v1";
export const linkPath = "/agent";
/** The largest frame either end accepts, in bytes. */
export const maxFrameBytes = 4 * 1024 * 1024;
/** How many results one frame carries at most. */
export const maxResultsPerFrame = 2_000;
/** Every other port of all there are, written out. */
export const maxPortsTextLength = 200_000;
export const heartbeatMs = 10_000;
/** The listener address of a node's own loopback interface, for rows that are local to a host. */
export const loopbackAddress = -1;

/** Certificates of the run carry these names; they are never looked up. */
export function certificateName(node: string): string {
  return `${node}.node.portmesh`;
}
export const coordinatorName = "coordinator.portmesh";

/** WebSocket close codes of our own (RFC 6455 section 7.4.2: 4000-4999 are private). */
export const closeCodes = {
  finished: 4000,
  again: 4001,
  refused: 4403,
  silent: 4408,
  replaced: 4409,
} as const;
