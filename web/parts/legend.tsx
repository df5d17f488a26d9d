/** What the colours and signs mean, beside what they stand in. */
import { words, type Look } from "../model/looks.ts";
import { compared } from "../store.ts";
import { VerdictMark } from "./verdict-mark.tsx";

const ofOneMoment: readonly Look[] = ["pass", "warn", "unknown", "stale", "fail", "none"];
const ofTwo: readonly Look[] = ["pass", "warn", "unknown", "stale", "fail", "same", "none"];

export function Legend() {
  const listed = compared.value === undefined ? ofOneMoment : ofTwo;
  return (
    <ul class="legend" aria-label="Signs">
      {listed.map((look) => (
        <li key={look}>
          <VerdictMark verdict={look} isPlain /> {words[look]}
        </li>
      ))}
    </ul>
  );
}
