/** One pair: every path with what both ends saw, how to reproduce it, the way back, and what has been. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { asked } from "../parts/asked.ts";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { PairDetail, Page, PathState, TransitionState } from "../../shared/api.ts";
import { verdicts } from "../../shared/names.ts";
import { pathsAt, type PastPath } from "../model/past-paths.ts";
import { getJson } from "../net/api.ts";
import { changes, look, view } from "../store.ts";
import { VerdictMark } from "../parts/verdict-mark.tsx";
import { LatencyChart } from "./latency-chart.tsx";
import { PastCard, PathCard } from "./path-card.tsx";
import { Transitions } from "./transitions.tsx";

const shownTransitions = 30;
/** A pair has rarely more paths than that, and each is looked for in the changes. */
const askedTransitions = 400;

interface Found {
  detail: PairDetail;
  transitions: readonly TransitionState[];
  /** As it was at the moment that is looked at. */
  past: PastPath[] | undefined;
}

export function Panel({ from, to }: { from: string; to: string }) {
  const found = useSignal<Found | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  useSignalEffect(() => {
    void changes.value;
    const { at } = view.value;
    return asked(
      (signal) => askFor(from, to, at, signal),
      problem,
      (answer) => {
        found.value = answer;
      },
    );
  });
  const close = (): void => {
    look({ from: undefined, to: undefined });
    document.querySelector<HTMLElement>(".matrix-frame")?.focus();
  };
  return (
    <aside
      class="side panel"
      aria-labelledby="panel-heading"
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <header>
        <h2 id="panel-heading" ref={heading} tabIndex={-1}>
          {from} <span aria-label="to">→</span> {to}
        </h2>
        <button type="button" class="plain" aria-label="Close the panel" onClick={close}>
          ×
        </button>
      </header>
      {problem.value !== undefined && <p class="problem">{problem.value}</p>}
      {problem.value === undefined && found.value === undefined && (
        <p class="quiet">Asking for what both ends saw …</p>
      )}
      {found.value !== undefined && <Pair {...found.value} />}
    </aside>
  );
}

async function askFor(from: string, to: string, at: string | undefined, until: AbortSignal): Promise<Found> {
  const pair = getJson<PairDetail>(`/paths/${encodeURIComponent(from)}/${encodeURIComponent(to)}`, {}, until);
  const changesOf = async (query: Record<string, string | undefined>): Promise<TransitionState[]> => {
    const wanted = { from, to, limit: askedTransitions, ...query };
    return (await getJson<Page<TransitionState>>("/transitions", wanted, until)).items;
  };
  const [detail, before, after] = await Promise.all([
    pair,
    changesOf({ until: at }),
    at === undefined ? undefined : changesOf({ since: at, order: "oldest" }),
  ]);
  return {
    detail,
    transitions: before,
    past: after === undefined ? undefined : pathsAt(detail.there, before, after),
  };
}

function Pair({ detail, transitions, past }: Found) {
  const { from, to } = detail;
  return (
    <>
      {detail.there.length === 0 && (
        <p class="quiet">
          No flow goes from {from} to {to}.
        </p>
      )}
      {past === undefined ? <Now detail={detail} /> : <Then past={past} />}
      {from !== to && past === undefined && <WayBack detail={detail} />}
      <LatencyChart from={from} to={to} />
      <Transitions items={transitions.slice(0, shownTransitions)} />
    </>
  );
}

function Now({ detail: { there } }: { detail: PairDetail }) {
  const sorted = worstFirst(there, ({ path }) => path);
  const amiss = sorted.filter(({ path }) => path.verdict !== "pass");
  const fine = sorted.filter(({ path }) => path.verdict === "pass");
  return (
    <div class="paths">
      {amiss.map((each, index) => (
        <PathCard key={keyOf(each.path)} detail={each} isOpen={index < 3} />
      ))}
      {fine.length > 0 && (
        <Fine count={fine.length}>
          {fine.map((each) => (
            <PathCard key={keyOf(each.path)} detail={each} isOpen={false} />
          ))}
        </Fine>
      )}
    </div>
  );
}

function Then({ past }: { past: readonly PastPath[] }) {
  const sorted = worstFirst(past, ({ path }) => path);
  const amiss = sorted.filter(({ path }) => path.verdict !== "pass");
  const fine = sorted.filter(({ path }) => path.verdict === "pass");
  return (
    <div class="paths">
      <p class="note">As it was then, from the changes that the history has.</p>
      {amiss.map((each) => (
        <PastCard key={keyOf(each.path)} past={each} isOpen />
      ))}
      {fine.length > 0 && (
        <Fine count={fine.length}>
          {fine.map((each) => (
            <PastCard key={keyOf(each.path)} past={each} isOpen={false} />
          ))}
        </Fine>
      )}
    </div>
  );
}

function Fine({ count, children }: { count: number; children: ComponentChildren }) {
  return (
    <details class="fine">
      <summary>
        <VerdictMark verdict="pass" isPlain /> {count} {count === 1 ? "path passes" : "paths pass"}
      </summary>
      {children}
    </details>
  );
}

function WayBack({ detail: { from, to, back } }: { detail: PairDetail }) {
  const amiss = worstFirst(back, (path) => path).filter(({ verdict }) => verdict !== "pass");
  const fine = back.length - amiss.length;
  return (
    <section>
      <h3>
        The way back:{" "}
        <button type="button" class="link" onClick={() => look({ from: to, to: from })}>
          {to} → {from}
        </button>
      </h3>
      {back.length === 0 && <p class="quiet">No flow goes back.</p>}
      <ul class="back">
        {amiss.map((path) => (
          <li key={keyOf(path)}>
            <VerdictMark verdict={path.verdict} /> {path.flow} {path.transport}/{path.ports}: {path.reason}
          </li>
        ))}
        {fine > 0 && (
          <li>
            <VerdictMark verdict="pass" isPlain /> {fine} {fine === 1 ? "path passes" : "paths pass"}
          </li>
        )}
      </ul>
    </section>
  );
}

function worstFirst<Item>(items: readonly Item[], pathOf: (item: Item) => PathState): Item[] {
  const rank = (item: Item): number => verdicts.indexOf(pathOf(item).verdict);
  return items.toSorted((a, b) => rank(b) - rank(a));
}

function keyOf({ spec, flow, expected }: PathState): string {
  return `${spec} ${flow} ${expected}`;
}
