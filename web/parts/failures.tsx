/** Failing paths as a plain table: for those who read rather than look, and where there is no canvas. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { Page, PathState } from "../../shared/api.ts";
import { lookOf, reasonOf, verdictOfCode, type Look } from "../model/looks.ts";
import { matchesPair } from "../model/node-filter.ts";
import { spanText } from "../model/times.ts";
import { getJson } from "../net/api.ts";
import { changes, look, nodeFilter, shown, view } from "../store.ts";
import { asked } from "./asked.ts";
import { VerdictMark } from "./verdict-mark.tsx";

const pageSize = 200;

export function Failures() {
  return view.value.at === undefined ? <FailuresNow /> : <FailuresThen />;
}

function FailuresNow() {
  const page = useSignal<Page<PathState>>({ items: [], next: null });
  const problem = useSignal<string | undefined>(undefined);
  const isAsked = useSignal(false);
  const question = (): Record<string, string | number | undefined> => {
    const { spec, flow, port, verdict } = view.value;
    return { spec, flow, port, verdict: verdict ?? "fail", limit: pageSize };
  };
  useSignalEffect(() => {
    void changes.value;
    return asked(
      (signal) => getJson<Page<PathState>>("/paths", question(), signal),
      problem,
      (found) => {
        page.value = found;
        isAsked.value = true;
      },
    );
  });
  const more = async (): Promise<void> => {
    const found = await getJson<Page<PathState>>("/paths", { ...question(), after: page.value.next! });
    page.value = { items: [...page.value.items, ...found.items], next: found.next };
  };
  const filter = nodeFilter.value;
  const items = page.value.items.filter(
    ({ from, to }) => filter === undefined || matchesPair(filter, from, to),
  );
  const verdict = view.value.verdict ?? "fail";
  return (
    <div class="list" tabIndex={0} role="region" aria-label={`Paths with the verdict ${verdict}`}>
      {problem.value !== undefined && <p class="problem">{problem.value}</p>}
      {!isAsked.value && problem.value === undefined && <p class="quiet">Asking for paths …</p>}
      {isAsked.value && items.length === 0 && <p class="empty">No path has the verdict {verdict}.</p>}
      {items.length > 0 && (
        <table>
          <caption class="only-heard">Paths with the verdict {verdict}</caption>
          <thead>
            <tr>
              <th scope="col">from</th>
              <th scope="col">to</th>
              <th scope="col">flow</th>
              <th scope="col">port</th>
              <th scope="col">reason</th>
              <th scope="col">for</th>
            </tr>
          </thead>
          <tbody>
            {items.map((path) => (
              <tr key={`${path.from} ${path.to} ${path.spec} ${path.flow} ${path.expected}`}>
                <td>{path.from}</td>
                <td>
                  <PairLink from={path.from} to={path.to} />
                </td>
                <td>{path.flow}</td>
                <td class="figures">
                  {path.transport}/{path.ports}
                </td>
                <td>
                  <VerdictMark verdict={path.verdict} /> {path.reason}
                  {path.isFlapping && " (flapping)"}
                </td>
                <td class="figures">{spanText(Date.now() - Date.parse(path.since))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {page.value.next !== null && (
        <button type="button" onClick={() => void more()}>
          More
        </button>
      )}
    </div>
  );
}

/** Of an earlier moment the worst of each pair is known, for the flows that are looked at. */
function FailuresThen() {
  const verdict = view.value.verdict ?? "fail";
  const pairs = pairsWith(verdict);
  return (
    <div
      class="list"
      tabIndex={0}
      role="region"
      aria-label={`Pairs with the verdict ${verdict} at that moment`}
    >
      {pairs.length === 0 ? (
        <p class="empty">No pair of nodes had the verdict {verdict} at that moment.</p>
      ) : (
        <table>
          <caption class="only-heard">Pairs with the verdict {verdict} at that moment</caption>
          <thead>
            <tr>
              <th scope="col">from</th>
              <th scope="col">to</th>
              <th scope="col">worst reason</th>
            </tr>
          </thead>
          <tbody>
            {pairs.slice(0, pageSize).map(({ from, to, look: how, reason }) => (
              <tr key={`${from} ${to}`}>
                <td>{from}</td>
                <td>
                  <PairLink from={from} to={to} />
                </td>
                <td>
                  <VerdictMark verdict={how} /> {reason}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {pairs.length > pageSize && <p class="quiet">and {pairs.length - pageSize} more</p>}
    </div>
  );
}

function PairLink({ from, to }: { from: string; to: string }) {
  return (
    <button
      type="button"
      class="link"
      aria-label={`Evidence of ${from} to ${to}`}
      onClick={() => look({ from, to })}
    >
      {to}
    </button>
  );
}

function pairsWith(verdict: string): { from: string; to: string; look: Look; reason: string }[] {
  const moment = shown.value;
  const filter = nodeFilter.value;
  if (moment === undefined) return [];
  const { nodes, cells } = moment;
  const found: ReturnType<typeof pairsWith> = [];
  for (const [index, code] of cells.codes.entries()) {
    if (verdictOfCode(code) !== verdict) continue;
    const [from, to] = [nodes[Math.floor(index / cells.size)]!.name, nodes[index % cells.size]!.name];
    if (filter === undefined || matchesPair(filter, from, to))
      found.push({ from, to, look: lookOf(code), reason: reasonOf(code) ?? "" });
  }
  return found;
}
