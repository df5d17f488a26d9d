/** What the picture shows, in words. A click makes the cells that are meant stand out. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { Finding, Page } from "../../shared/api.ts";
import { getJson } from "../net/api.ts";
import { changes, look, marked, status, view } from "../store.ts";

const shownFirst = 6;

export function Findings() {
  const items = useSignal<readonly Finding[] | undefined>(undefined);
  const isAll = useSignal(false);
  const chosen = useSignal<string | undefined>(undefined);
  useSignalEffect(() => {
    void changes.value;
    const { at } = view.value;
    const closing = new AbortController();
    getJson<Page<Finding>>("/findings", { at }, closing.signal).then(
      (page) => {
        // What fails is worse than what is not known.
        items.value = page.items.toSorted((a, b) => Number(isSilent(a)) - Number(isSilent(b)));
        if (!page.items.some(({ text }) => text === chosen.peek())) choose(undefined);
      },
      () => undefined,
    );
    return () => closing.abort();
  });
  const choose = (finding: Finding | undefined): void => {
    chosen.value = finding?.text;
    marked.value =
      finding === undefined ? undefined : { from: new Set(finding.from), to: new Set(finding.to) };
  };
  if (items.value === undefined) return null;
  const failing = items.value.filter((each) => !isSilent(each)).length;
  const listed = isAll.value ? items.value : items.value.slice(0, shownFirst);
  return (
    <section class="findings" aria-labelledby="findings-heading">
      <h2 id="findings-heading">
        {view.value.at === undefined ? "What is wrong" : "What was wrong"}
        {failing > 1 && <span class="quiet">{failing} causes</span>}
      </h2>
      {failing === 0 && <Calm />}
      <ul>
        {listed.map((finding) => {
          const isChosen = chosen.value === finding.text;
          return (
            <li key={finding.text} class={isSilent(finding) ? "is-silent" : ""}>
              <button
                type="button"
                aria-pressed={isChosen}
                onClick={() => {
                  choose(isChosen ? undefined : finding);
                  if (isChosen) return;
                  const [from, to] = [finding.from[0], finding.to[0]];
                  if (finding.kind === "pair") look({ tab: "matrix", from, to });
                  else look({ tab: "matrix" });
                }}
              >
                {finding.text}{" "}
                <span class="share">
                  {finding.explains} {finding.explains === 1 ? "path" : "paths"}
                  {isChosen && ", marked in the matrix"}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      {items.value.length > shownFirst && (
        <p>
          <button type="button" class="link" onClick={() => (isAll.value = !isAll.value)}>
            {isAll.value ? "Fewer" : `${items.value.length - shownFirst} more`}
          </button>
        </p>
      )}
    </section>
  );
}

/** An agent that says nothing is no failure yet. */
function isSilent({ kind }: Finding): boolean {
  return kind === "agent";
}

function Calm() {
  const paths = status.value?.paths;
  if (view.value.at !== undefined || paths === undefined)
    return <p class="calm">Nothing failed at that moment.</p>;
  const { pass, warn, fail, unknown } = paths;
  // The words for what fails are on their way.
  if (fail > 0) return null;
  const others = [
    warn > 0 && `${warn.toLocaleString("en")} could be better`,
    unknown > 0 && `${unknown.toLocaleString("en")} are unknown`,
  ].filter((text) => text !== false);
  return (
    <p class="calm">
      {others.length === 0
        ? `All ${pass.toLocaleString("en")} paths pass.`
        : `Nothing fails. Of the paths, ${others.join(" and ")}.`}
    </p>
  );
}
