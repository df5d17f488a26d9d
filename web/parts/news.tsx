/** What happened lately, newest first: until now, or until the moment that is looked at. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { HappeningState, Page, TransitionState } from "../../shared/api.ts";
import { newsOf, type NewsItem } from "../model/news.ts";
import { momentText } from "../model/times.ts";
import { getJson } from "../net/api.ts";
import { changes, look, view } from "../store.ts";
import { VerdictMark } from "./verdict-mark.tsx";

const mostItems = 12;
/** One event can be a change of every path to a node. */
const mostTransitions = 1_000;
const mostHappenings = 60;

export function News() {
  const items = useSignal<readonly NewsItem[] | undefined>(undefined);
  useSignalEffect(() => {
    void changes.value;
    const { at, spec, flow } = view.value;
    const closing = new AbortController();
    const wanted = { until: at, limit: mostTransitions };
    Promise.all([
      getJson<Page<TransitionState>>("/transitions", { ...wanted, spec, flow }, closing.signal),
      getJson<Page<HappeningState>>("/happenings", { until: at, limit: mostHappenings }, closing.signal),
    ]).then(
      ([changed, told]) =>
        (items.value = newsOf(
          { transitions: changed.items, isCut: changed.next !== null },
          told.items,
          mostItems,
        )),
      () => undefined,
    );
    return () => closing.abort();
  });
  if (items.value === undefined) return null;
  return (
    <section aria-labelledby="news-heading">
      <h2 id="news-heading">{view.value.at === undefined ? "Lately" : "Until then"}</h2>
      {items.value.length === 0 ? (
        <p class="quiet">Nothing has changed as far back as the history goes.</p>
      ) : (
        <ol class="news">
          {items.value.map((item) => (
            <li key={item.key}>
              <button
                type="button"
                class="link figures"
                title="Show the matrix of this moment"
                onClick={() => look({ at: new Date(item.at).toISOString() })}
              >
                {momentText(item.at, Date.now())}
              </button>
              <span class="what">
                {item.before !== undefined && item.after !== undefined && (
                  <>
                    <VerdictMark verdict={item.before} /> → <VerdictMark verdict={item.after} />{" "}
                  </>
                )}
                {item.text}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
