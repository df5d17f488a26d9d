/** What a pair has been through, newest first. */
import type { TransitionState } from "../../shared/api.ts";
import { momentText } from "../model/times.ts";
import { VerdictMark } from "../parts/verdict-mark.tsx";
import { look } from "../store.ts";

export function Transitions({ items }: { items: readonly TransitionState[] }) {
  return (
    <section>
      <h3>Changes</h3>
      {items.length === 0 ? (
        <p class="quiet">None in the history.</p>
      ) : (
        <ol class="changes">
          {items.map(({ id, at, flow, transport, ports, before, after, isLate, isFlapping }) => (
            <li key={id}>
              <button
                type="button"
                class="link figures"
                title="Show the matrix of this moment"
                onClick={() => look({ at })}
              >
                {momentText(Date.parse(at), Date.now())}
              </button>
              <span class="what">
                <VerdictMark verdict={before.verdict} /> {before.reason} →{" "}
                <VerdictMark verdict={after.verdict} /> {after.reason}, {flow} {transport}/{ports}
                {isLate && <em> (told late)</em>}
                {isFlapping && <em> (flapping)</em>}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
