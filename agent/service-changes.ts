/** Services that came to ports of the plan, or left them, between two looks at what this agent holds. */
import { placeKey } from "./claims.ts";
import type { ListenerException, ListenerReport } from "./listeners.ts";

/** More are counted only. */
const namedAtOnce = 3;

/** A line for people each; none where nothing changed. */
export function serviceChanges(before: ListenerReport, after: ListenerReport): string[] {
  const [was, is] = [servicesOf(before), servicesOf(after)];
  const came = [...is].filter(([place, { owner }]) => was.get(place)?.owner !== owner || !was.has(place));
  const left = [...was].filter(([place]) => !is.has(place));
  return [
    ...line(came, "found a service on", ({ owner }) => `: ${owner ?? "another process"}`),
    ...line(left, "found no service any more on", () => ""),
  ];
}

function servicesOf({ exceptions }: ListenerReport): Map<string, ListenerException> {
  const occupied = exceptions.filter(({ state }) => state === "occupied");
  return new Map(occupied.map((each) => [placeKey(each), each]));
}

function line(
  changed: readonly [string, ListenerException][],
  what: string,
  detail: (exception: ListenerException) => string,
): string[] {
  if (changed.length === 0) return [];
  const named = changed
    .slice(0, namedAtOnce)
    .map(([, each]) => `${each.transport}/${each.port}${detail(each)}`);
  const rest = changed.length > named.length ? `, and ${changed.length - named.length} more` : "";
  return [`${what} ${named.join(", ")}${rest}`];
}
