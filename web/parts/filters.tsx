/** What of the cluster is looked at. Everything here stands in the address of the page. */
import { useComputed } from "@preact/signals";
import { flows, look, nodes, shown, status, view } from "../store.ts";

export function Filters() {
  const { tab, spec, flow, port, verdict, node, open } = view.value;
  const isOfPaths = tab !== "outside" && tab !== "requirements";
  const specs = status.value?.plan.specs ?? [];
  const listed = flows.value.filter((each) => spec === undefined || each.spec === spec);
  const groups = useComputed(() => new Set(shown.value?.nodes.map(({ group }) => group)));
  const isFiltered = [spec, flow, port, verdict, node].some((each) => each !== undefined);
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      {specs.length > 1 && (
        <label>
          spec
          <select
            value={spec ?? ""}
            onChange={({ currentTarget }) =>
              look({ spec: currentTarget.value || undefined, flow: undefined })
            }
          >
            <option value="">all</option>
            {specs.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </label>
      )}
      {isOfPaths && (
        <>
          <label>
            flow
            <select
              value={flow === undefined ? "" : `${spec ?? ""}/${flow}`}
              onChange={({ currentTarget }) => {
                const chosen = listed.find((each) => `${each.spec}/${each.flow}` === currentTarget.value);
                look({ flow: chosen?.flow, ...(chosen === undefined ? {} : { spec: chosen.spec }) });
              }}
            >
              <option value="">worst of all</option>
              {listed.map((each) => (
                <option
                  key={`${each.spec}/${each.flow}/${each.expected}`}
                  value={`${each.spec}/${each.flow}`}
                >
                  {each.flow} {each.transport}/{each.ports}
                  {each.paths.fail > 0 ? ` · ${each.paths.fail} fail` : ""}
                </option>
              ))}
            </select>
          </label>
          <label>
            port
            <input
              type="number"
              min={1}
              max={65535}
              class="short"
              value={port ?? ""}
              onChange={({ currentTarget }) => look({ port: Number(currentTarget.value) || undefined })}
            />
          </label>
        </>
      )}
      <label>
        node
        <input
          type="search"
          id="find-node"
          placeholder="db-* > web-*"
          list="node-names"
          autocomplete="off"
          value={node ?? ""}
          onInput={({ currentTarget }) => look({ node: currentTarget.value.trim() || undefined }, false)}
        />
      </label>
      <datalist id="node-names">
        {nodes.value.slice(0, 1_000).map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {tab === "matrix" && groups.value.size > 1 && nodes.value.length > 60 && (
        <button
          type="button"
          onClick={() => look({ open: open.includes("*") || open.length > 0 ? [] : ["*"] })}
        >
          {open.length > 0 ? "Fold groups" : "Unfold all"}
        </button>
      )}
      {isFiltered && (
        <button
          type="button"
          class="link"
          onClick={() =>
            look({
              spec: undefined,
              flow: undefined,
              port: undefined,
              verdict: undefined,
              node: undefined,
            })
          }
        >
          Clear
        </button>
      )}
    </form>
  );
}
