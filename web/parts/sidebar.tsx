/** Beside the picture while no pair is looked at: what is wrong, or what has changed, and what happened lately. */
import { view } from "../store.ts";
import { Comparison } from "./comparison.tsx";
import { Findings } from "./findings.tsx";
import { News } from "./news.tsx";

export function Sidebar() {
  return (
    <aside class="side sidebar" aria-label="In words">
      {view.value.since === undefined ? <Findings /> : <Comparison />}
      <News />
    </aside>
  );
}
