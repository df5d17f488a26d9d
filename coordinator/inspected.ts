/** What was found out beside the probes between nodes: by a coordinator's inspection, or from bundles. */
import type { EndpointReport } from "../shared/endpoint-report.ts";
import type { PlannedEndpoint } from "../shared/endpoint-plan.ts";
import type { NodeFacts } from "../shared/node-facts.ts";
import type { BandwidthFigure, ClockOffset } from "../shared/requirements/requirement-check.ts";

export interface Inspected {
  endpoint: (endpoint: PlannedEndpoint) => EndpointReport | undefined;
  facts: (node: number) => NodeFacts | undefined;
  clock: (node: number) => ClockOffset | undefined;
  /** A text says why there is no figure. */
  bandwidth: (from: number, to: number) => BandwidthFigure | string | undefined;
  /** `sha256/…` of the keys that certificates must have, by host. */
  pins: ReadonlyMap<string, string>;
  /** Why no pair of nodes could stream to each other; undefined where they could. */
  withoutStreams: string | undefined;
}

export const nothingInspected: Inspected = {
  endpoint: () => undefined,
  facts: () => undefined,
  clock: () => undefined,
  bandwidth: () => undefined,
  pins: new Map(),
  withoutStreams: undefined,
};
