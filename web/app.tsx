/** The page: what there is, and where it stands. */
import { useEffect } from "preact/hooks";
import { Matrix } from "./matrix/matrix.tsx";
import { Panel } from "./panel/panel.tsx";
import { Failures } from "./parts/failures.tsx";
import { Filters } from "./parts/filters.tsx";
import { FlowMatrices } from "./parts/flow-matrices.tsx";
import { Header } from "./parts/header.tsx";
import { Help } from "./parts/help.tsx";
import { Notices } from "./parts/notices.tsx";
import { Outside } from "./parts/outside.tsx";
import { Requirements } from "./parts/requirements.tsx";
import { onShortcut } from "./parts/shortcuts.ts";
import { Sidebar } from "./parts/sidebar.tsx";
import { Tabs } from "./parts/tabs.tsx";
import { Timeline } from "./parts/timeline.tsx";
import { TokenPrompt } from "./parts/token-prompt.tsx";
import { view } from "./store.ts";

const hasCanvas = document.createElement("canvas").getContext("2d") !== null;

export function App() {
  useEffect(() => {
    addEventListener("keydown", onShortcut);
    return () => removeEventListener("keydown", onShortcut);
  }, []);
  const { from, to, tab } = view.value;
  const hasPanel = from !== undefined && to !== undefined;
  return (
    <div class={`page ${hasPanel ? "has-panel" : ""}`}>
      <Header />
      <Notices />
      <main>
        <div class="bar">
          <Tabs />
          <Filters />
        </div>
        {hasCanvas && tab === "matrix" && <Matrix />}
        {hasCanvas && tab === "flows" && <FlowMatrices />}
        {(tab === "failures" || (!hasCanvas && (tab === "matrix" || tab === "flows"))) && <Failures />}
        {tab === "outside" && <Outside />}
        {tab === "requirements" && <Requirements />}
        {hasCanvas && <Timeline />}
      </main>
      {hasPanel ? <Panel key={`${from} ${to}`} from={from} to={to} /> : <Sidebar />}
      <Help />
      <TokenPrompt />
    </div>
  );
}
