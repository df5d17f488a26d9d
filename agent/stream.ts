/** One order of the coordinator to stream: whom this agent may stream with, and what the figure is worth. */
import type { EpochKey } from "../shared/proof.ts";
import type { StreamedMessage, StreamMessage, WireNode } from "../shared/wire.ts";
import type { Health } from "./health.ts";
import type { AddressPolicy } from "./policy.ts";
import { runStream } from "./protocols/bulk.ts";
import { shortageTexts, ShortageWatch, type Shortage } from "./shortage.ts";

export interface StreamPlace {
  /** Of the node that is dialled. */
  address: string;
  /** All nodes, and this one's position among them. */
  nodes: readonly WireNode[];
  from: number;
}

export interface StreamingContext {
  epoch: EpochKey;
  source: { localAddress?: string };
  policy: Pick<AddressPolicy, "permits">;
  health: Pick<Health, "fault">;
}

/** As much as the link takes. */
const maxText = 200;

export async function streamTo(
  message: StreamMessage,
  { address, nodes, from }: StreamPlace,
  { epoch, source, policy, health }: StreamingContext,
  signal: AbortSignal,
): Promise<StreamedMessage> {
  const { stream, to } = message;
  const without = (fault: string): StreamedMessage => ({
    type: "streamed",
    stream,
    bytes: 0,
    elapsedMs: 0,
    fault: fault.slice(0, maxText),
  });
  if (!policy.permits(address)) return without(`${address} is outside of what this agent's policy allows`);
  using watch = new ShortageWatch();
  const startedAt = performance.now();
  const result = await runStream(address, { ...message, from }, { epoch, source }, signal);
  if (typeof result === "string") return without(result);
  const named = (node: number, shortage: Shortage | undefined): string[] =>
    shortage === undefined ? [] : [`${nodes[node]?.name ?? node}: ${shortageTexts[shortage]}`];
  const fault = health.fault(startedAt, performance.now());
  const impaired = [
    ...(fault === undefined
      ? named(from, watch.shortage)
      : [`${nodes[from]?.name ?? from}: ${fault.detail}`]),
    ...named(to, result.farShortage),
  ].join("; ");
  return {
    type: "streamed",
    stream,
    bytes: result.bytes,
    elapsedMs: result.elapsedMs,
    ...(impaired === "" ? {} : { impaired: impaired.slice(0, maxText) }),
  };
}
