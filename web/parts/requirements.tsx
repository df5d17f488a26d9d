/** What is asked of nodes beside their paths, as it was read last. */
import type { RequirementState } from "../../shared/api.ts";
import { GroupedList } from "./grouped-list.tsx";
import { VerdictMark } from "./verdict-mark.tsx";

export function Requirements() {
  return (
    <GroupedList<RequirementState>
      label="Requirements of nodes"
      path="/requirements"
      countsOf="requirements"
      none="No requirement is like that."
      keyOf={({ spec, name }) => `${spec} ${name}`}
      nodeOf={({ node }) => node}
      columns={["node", "verdict", "expected", "found"]}
      title={({ items: [first] }) => (
        <>
          <strong>{first!.name}</strong> <span class="quiet">{first!.text}</span>
        </>
      )}
      row={(item) => (
        <tr key={`${item.node} ${item.toward}`}>
          <td>
            {item.node ?? "the cluster"}
            {item.toward !== undefined && ` → ${item.toward}`}
          </td>
          <td class="nowrap">
            <VerdictMark verdict={item.verdict} /> {item.reason}
          </td>
          <td>{item.expected}</td>
          <td>
            {item.actual}
            {item.from !== undefined && <span class="quiet"> ({item.from})</span>}
            {item.remedy !== undefined && item.verdict !== "pass" && <p class="remedy">{item.remedy}</p>}
          </td>
        </tr>
      )}
    />
  );
}
