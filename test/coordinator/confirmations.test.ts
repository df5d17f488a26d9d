/** Who else knows the far end of a path that fails. */
import t from "tap";
import { confirmations } from "../../coordinator/monitor.ts";
import type { ReportPath } from "../../shared/report.ts";
import { pathOf } from "../helpers/report-fixtures.ts";

const failing = { verdict: "fail", reason: "dropped" } as const;
const unproved = { verdict: "unknown", reason: "agent-missing" } as const;
const path = pathOf({ from: "n1", to: "n2", ...failing });
const back = (parts: Partial<ReportPath> = {}): ReportPath => pathOf({ from: "n2", to: "n1", ...parts });
const other = (parts: Partial<ReportPath> = {}): ReportPath => pathOf({ from: "n3", to: "n2", ...parts });

const table: [claim: string, others: ReportPath[], expected: string][] = [
  ["nobody else", [], "unknown"],
  ["the way back fails", [back(failing)], "confirmed"],
  ["the way back fails in another flow", [back({ ...failing, flow: "web" })], "confirmed"],
  ["another node fails at the same port", [other(failing), back()], "confirmed"],
  ["all others pass", [other(), back()], "alone"],
  ["a warning is no failure", [other({ verdict: "warn", reason: "slow" })], "alone"],
  ["who knows nothing is no witness", [other(unproved), back(unproved)], "unknown"],
  ["one who knows is enough", [other(unproved), back()], "alone"],
  ["another port of the far node says nothing of this one", [other({ ...failing, flow: "web" })], "unknown"],
  ["another node's port says nothing", [other({ ...failing, to: "n4" })], "unknown"],
  ["that it must be shut is another matter", [other({ ...failing, expected: "closed" })], "unknown"],
  ["the same flow of another spec is another one", [other({ ...failing, spec: "other" })], "unknown"],
  ["the same node in another flow is the same witness", [pathOf({ ...failing, flow: "web" })], "unknown"],
];

t.test("a failure is confirmed by its way back and by other nodes at the same port", async (t) => {
  for (const [claim, others, expected] of table)
    t.equal(confirmations([path, ...others])(path), expected, claim);
});
