/** How much one stream between two nodes may be at most, whatever the other end or the coordinator says. */
export const streamLimits = {
  /** Warm-up and measurement. */
  streamMs: 30_000,
  bytes: 10e9,
} as const;
