/** A verdict as a small mark: colour and sign, with the word for those who listen. */
import { words, type Look } from "../model/looks.ts";
import { signs } from "../model/signs.ts";

/** `isPlain` where the word stands beside it already. */
export function VerdictMark({ verdict, isPlain = false }: { verdict: Look; isPlain?: boolean }) {
  const named = isPlain ? { "aria-hidden": true } : { role: "img" as const, "aria-label": words[verdict] };
  return (
    <span class={`mark mark-${verdict}`} {...named}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={signs[verdict]} />
      </svg>
    </span>
  );
}
