/** Makes a message of what has gathered, with how the cluster stands now. */
import type { Counts, Finding } from "../../shared/api.ts";
import { verdictOf } from "../../shared/names.ts";
import { sumOf } from "../../shared/verdict-counts.ts";
import type { Notification } from "../../shared/notification.ts";
import type { Plan } from "../../shared/plan.ts";
import { reasonOfCode } from "../watch/live-matrix.ts";
import { transitionState } from "../watch/transition-state.ts";
import { transitionInWords, type Digest } from "./news.ts";

/** How the cluster stands. */
export interface Standing {
  plan: Plan;
  paths: Counts;
  endpoints: Counts;
  findings: readonly Finding[];
}

const mostFindings = 10;
/** Lines of a kind in the text. */
const mostLines = 5;

export function composeNotification(
  head: Pick<Notification, "id" | "hook" | "cause" | "missed"> & { at: number },
  digest: Digest,
  { plan, paths, endpoints, findings }: Standing,
): Notification {
  const shown = findings.slice(0, mostFindings);
  return {
    apiVersion: "portmesh/v1",
    kind: "Notification",
    id: head.id,
    hook: head.hook,
    cluster: plan.cluster,
    at: new Date(head.at).toISOString(),
    cause: head.cause,
    text: textOf(head, digest, { plan, paths, endpoints, findings }),
    news: digest.counts,
    paths,
    endpoints,
    transitions: digest.transitions.map((transition) => {
      const { id: _id, ...told } = transitionState(0, transition, plan);
      return told;
    }),
    happenings: digest.happenings.map(({ at, kind, node, text }) => ({
      at: new Date(at).toISOString(),
      kind,
      node: node ?? null,
      text,
    })),
    omitted: digest.omitted,
    findings: shown.map(({ from: _from, to: _to, ...told }) => told),
    missed: head.missed,
  };
}

function textOf(
  { cause, missed }: Pick<Notification, "cause" | "missed">,
  digest: Digest,
  { plan, paths, endpoints, findings }: Standing,
): string {
  const hasEndpoints = sumOf(endpoints) > 0;
  const now = [inWords(paths, "paths"), ...(hasEndpoints ? [inWords(endpoints, "endpoints")] : [])].join(
    "; ",
  );
  const what =
    cause === "test"
      ? "a test message of Portmesh"
      : cause === "repeat"
        ? "nothing has changed"
        : digest.inWords;
  // Findings tell of the paths between nodes.
  const failing = digest.transitions.filter(
    ({ after, isOutside }) =>
      verdictOf(reasonOfCode(after)) === "fail" && (isOutside || findings.length === 0),
  );
  const lines = [
    `${plan.cluster}: ${what}. Now ${now}.`,
    ...listed(findings.map(({ text }) => text)),
    ...listed(failing.map(transitionInWords)),
    ...listed(digest.happenings.map(({ text }) => text)),
    ...(missed === 0 ? [] : [`${missed} messages before this one could not be delivered.`]),
  ];
  return lines.join("\n");
}

function inWords(counts: Counts, what: string): string {
  const unknown = counts.unknown === 0 ? "" : `, ${counts.unknown} are unknown`;
  return `${counts.fail} of ${sumOf(counts)} ${what} fail${unknown}`;
}

function listed(lines: readonly string[]): string[] {
  const more = lines.length - mostLines;
  return [...lines.slice(0, mostLines), ...(more > 0 ? [`… and ${more} more`] : [])];
}
