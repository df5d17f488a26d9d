/** Ways to look at the paths, and what else the product needs of its nodes. */
import { verdicts } from "../../shared/names.ts";
import { status, look, view } from "../store.ts";
import { tabs, type Tab } from "../model/view.ts";

const titles: Readonly<Record<Tab, string>> = {
  matrix: "Matrix",
  flows: "By flow",
  failures: "Failures",
  outside: "Outside",
  requirements: "Requirements",
};

export function Tabs() {
  const now = status.value;
  const failing: Readonly<Partial<Record<Tab, number>>> = {
    failures: now?.paths.fail ?? 0,
    outside: now?.endpoints.fail ?? 0,
    requirements: now?.requirements.fail ?? 0,
  };
  return (
    <nav class="tabs" aria-label="Views">
      {tabs.filter(isThere).map((tab) => (
        <button
          key={tab}
          type="button"
          aria-current={view.value.tab === tab ? "page" : undefined}
          onClick={() => look({ tab })}
        >
          {titles[tab]}
          {(failing[tab] ?? 0) > 0 && (
            <span class="badge">
              {failing[tab]!.toLocaleString("en")}
              <span class="only-heard"> fail</span>
            </span>
          )}
        </button>
      ))}
    </nav>
  );
}

/** A product that needs nothing of the world outside has no list of it. */
function isThere(tab: Tab): boolean {
  const now = status.value;
  if (tab !== "outside" && tab !== "requirements") return true;
  const counts = tab === "outside" ? now?.endpoints : now?.requirements;
  return view.value.tab === tab || verdicts.some((verdict) => (counts?.[verdict] ?? 0) > 0);
}
