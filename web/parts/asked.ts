/** What a part of the page asks the coordinator for, and lets go of when something else is to be shown. */
import type { Signal } from "@preact/signals";

/**
 * Puts the answer where it belongs, or why there is none.
 * @returns what ends the asking.
 */
export function asked<Answer>(
  ask: (signal: AbortSignal) => Promise<Answer>,
  problem: Signal<string | undefined>,
  found: (answer: Answer) => void,
): () => void {
  const closing = new AbortController();
  ask(closing.signal).then(
    (answer) => {
      found(answer);
      problem.value = undefined;
    },
    (error: Error) => {
      if (!closing.signal.aborted) problem.value = error.message;
    },
  );
  return () => closing.abort();
}
