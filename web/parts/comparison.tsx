/** What has changed between the two moments that are compared, as lists. */
import { useComputed } from "@preact/signals";
import { changedPairs, type ChangedPair } from "../model/changed-pairs.ts";
import { matchesPair } from "../model/node-filter.ts";
import { together, type Together } from "../model/together.ts";
import { compared, look, nodeFilter, shown } from "../store.ts";
import { VerdictMark } from "./verdict-mark.tsx";

/** More are better looked at in the matrix. */
const mostListed = 100;

export function Comparison() {
  const found = useComputed(() =>
    compared.value === undefined || shown.value === undefined
      ? undefined
      : changedPairs(compared.value, shown.value),
  );
  if (found.value === undefined) return <p class="quiet">Asking for both moments …</p>;
  const { worse, better, otherwise, added, removed } = found.value;
  const isSame = [worse, better, otherwise, added, removed].every(({ length }) => length === 0);
  return (
    <section class="comparison" aria-labelledby="comparison-heading">
      <h2 id="comparison-heading">What has changed</h2>
      {isSame && <p class="calm">Nothing: every pair of nodes stands as it did.</p>}
      <Pairs title="Worse" pairs={worse} />
      <Pairs title="Better" pairs={better} />
      <Pairs title="For another reason" pairs={otherwise} />
      {added.length > 0 && <p>New nodes: {added.join(", ")}</p>}
      {removed.length > 0 && <p>Nodes that are gone: {removed.join(", ")}</p>}
    </section>
  );
}

function Pairs({ title, pairs }: { title: string; pairs: readonly ChangedPair[] }) {
  const filter = nodeFilter.value;
  const wanted = pairs.filter(({ from, to }) => filter === undefined || matchesPair(filter, from, to));
  if (wanted.length === 0) return null;
  const alike = Map.groupBy(wanted, ({ before, says }) => `${before} ${says}`);
  const lines = [...alike.values()].flatMap((some) => together(some));
  return (
    <>
      <h3>
        {title} <span class="quiet">{wanted.length}</span>
      </h3>
      <ul class="changes">
        {lines.slice(0, mostListed).map((line) => {
          const { before, after, says } = line.pairs[0]!;
          return (
            <li key={`${line.from} ${line.to} ${before} ${says}`}>
              <VerdictMark verdict={before} /> → <VerdictMark verdict={after} /> <Ends line={line} />{" "}
              <span class="quiet">{says}</span>
            </li>
          );
        })}
      </ul>
      {lines.length > mostListed && (
        <p class="quiet">and {lines.length - mostListed} more: the matrix has them all</p>
      )}
    </>
  );
}

/** Of one pair a link to its evidence. */
function Ends({ line: { from, to, pairs } }: { line: Together<ChangedPair> }) {
  if (pairs.length > 1)
    return (
      <>
        {from} → {to}
      </>
    );
  return (
    <button type="button" class="link" onClick={() => look({ from, to })}>
      {from} → {to}
    </button>
  );
}
