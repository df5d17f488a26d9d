/** Lists that may be longer than a page of a browser should be: what is worst is asked for first. */
import type { Counts, Page } from "../../shared/api.ts";
import { verdicts, type Verdict } from "../../shared/names.ts";
import { getJson, type Query } from "./api.ts";

/** Of a list no more is shown at once. */
const most = 2_000;
const pageSize = 1_000;

export interface WorstFirst<Item> {
  items: Item[];
  /** How many there are beyond those. */
  left: number;
}

/** `counts` says how many there are of each verdict, before any other filter. */
export async function worstFirst<Item>(
  path: string,
  query: Query,
  counts: Counts,
  verdict: Verdict | undefined,
  until: AbortSignal,
): Promise<WorstFirst<Item>> {
  const wanted = verdict === undefined ? verdicts.toReversed() : [verdict];
  const items: Item[] = [];
  for (const each of wanted) {
    if (counts[each] === 0) continue;
    for (let after: string | undefined; items.length < most;) {
      const page = await getJson<Page<Item>>(
        path,
        { ...query, verdict: each, limit: pageSize, after },
        until,
      );
      items.push(...page.items);
      if (page.next === null) break;
      after = page.next;
    }
  }
  const all = wanted.reduce((sum, each) => sum + counts[each], 0);
  return { items: items.slice(0, most), left: items.length < most ? 0 : all - most };
}
