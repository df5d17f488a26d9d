/** Hosts outside of the cluster, as the nodes find them. */
import type { EndpointState } from "../../shared/api.ts";
import { momentText, spanText } from "../model/times.ts";
import { GroupedList } from "./grouped-list.tsx";
import { VerdictMark } from "./verdict-mark.tsx";

export function Outside() {
  return (
    <GroupedList<EndpointState>
      label="Hosts outside of the cluster"
      path="/endpoints"
      countsOf="endpoints"
      none="No host outside of the cluster is like that."
      keyOf={({ spec, row, host, ports, route }) => [spec, row, host, ports, route].join(" ")}
      nodeOf={({ from }) => from}
      columns={["from", "verdict", "seen", "for", "probed"]}
      title={({ items: [first] }) => (
        <>
          <strong>{first!.host}</strong> {first!.transport}
          {first!.ports === "" ? "" : `/${first!.ports}`}{" "}
          <span class="quiet">
            {first!.row}
            {first!.route === "direct" ? "" : `, through the ${first!.route} proxy`}
            {first!.level === "required" ? "" : `, ${first!.level}`}
          </span>
        </>
      )}
      row={(item) => (
        <tr key={item.from}>
          <td>{item.from}</td>
          <td class="nowrap">
            <VerdictMark verdict={item.verdict} /> {item.reason}
            {item.isFlapping && " (flapping)"}
          </td>
          <td>
            {item.says}
            {item.remedy !== null && <p class="remedy">{item.remedy}</p>}
          </td>
          <td class="nowrap">{spanText(Date.now() - Date.parse(item.since))}</td>
          <td class="nowrap">
            {item.checked === null ? "never" : momentText(Date.parse(item.checked), Date.now())}
          </td>
        </tr>
      )}
    />
  );
}
