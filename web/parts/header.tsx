/** Which cluster this is and how it stands as a whole; the counts are filters, too. */
import { useSignalEffect } from "@preact/signals";
import { verdicts } from "../../shared/names.ts";
import { chooseTheme, themeName, themes } from "../matrix/theme.ts";
import { isLive, look, lostAt, status, view } from "../store.ts";
import { isHelpOpen } from "./help.tsx";
import { VerdictMark } from "./verdict-mark.tsx";

export function Header() {
  const now = status.value;
  const agents = now?.agents;
  const away = agents === undefined ? 0 : agents.gone + agents.missing + agents.stale;
  useSignalEffect(() => {
    document.title = titleOf(lostAt.value !== undefined);
  });
  return (
    <header class="top">
      <h1>{now === undefined ? "Portmesh" : now.cluster}</h1>
      {now !== undefined && (
        <ul class="counts" aria-label="Paths by verdict, now; each shows only its own">
          {verdicts.toReversed().map((verdict) => (
            <li key={verdict}>
              <button
                type="button"
                class={now.paths[verdict] === 0 ? "is-zero" : ""}
                aria-pressed={view.value.verdict === verdict}
                onClick={() => look({ verdict: view.value.verdict === verdict ? undefined : verdict })}
              >
                <VerdictMark verdict={verdict} isPlain /> {now.paths[verdict].toLocaleString("en")} {verdict}
              </button>
            </li>
          ))}
        </ul>
      )}
      {agents !== undefined && (
        <p class="quiet">
          {away === 0
            ? `All ${agents.alive} agents report`
            : `${agents.alive} of ${agents.alive + away} agents report`}
          {agents.drained > 0 && `, ${agents.drained} drained`}
        </p>
      )}
      <p class={`feed ${isLive.value ? "is-live" : ""}`}>
        {isLive.value ? "live" : lostAt.value === undefined ? "connecting …" : "disconnected"}
      </p>
      <button
        type="button"
        aria-label="Help"
        aria-haspopup="dialog"
        onClick={() => (isHelpOpen.value = true)}
      >
        ?
      </button>
      <label>
        <span class="only-heard">Theme</span>
        <select
          value={themeName.value}
          onChange={(event) =>
            chooseTheme(themes.find((name) => name === event.currentTarget.value) ?? "auto")
          }
        >
          {themes.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </header>
  );
}

/** Read in a row of tabs: what is wrong first. */
function titleOf(isLost: boolean): string {
  const now = status.value;
  if (now === undefined) return "Portmesh";
  const { fail } = now.paths;
  return `${isLost ? "disconnected · " : fail > 0 ? `× ${fail.toLocaleString("en")} · ` : ""}${now.cluster} · Portmesh`;
}
