/** Judges every endpoint of the plan by what its node found there, and lays the result out for the report. */
import type { PlannedEndpoint } from "../shared/endpoint-plan.ts";
import { judgeEndpoint } from "../shared/judge-endpoint.ts";
import type { Plan } from "../shared/plan.ts";
import { formatPorts } from "../shared/ports.ts";
import type { ReportEndpoint } from "../shared/report.ts";
import type { Attendance } from "./attendance.ts";
import type { Inspected } from "./inspected.ts";

export function reportEndpoints(
  plan: Plan,
  inspected: Inspected,
  attendance: Attendance,
  now: Date,
): ReportEndpoint[] {
  return plan.endpoints.map((endpoint) => reportEndpoint(endpoint, plan, inspected, attendance, now));
}

export function reportEndpoint(
  endpoint: PlannedEndpoint,
  { nodes, thresholds }: Plan,
  { endpoint: reportOf, pins }: Inspected,
  attendance: Attendance,
  now: Date,
): ReportEndpoint {
  const member = attendance.member(endpoint.from);
  const agent = member === undefined ? "missing" : member.connected ? "alive" : "gone";
  const report = reportOf(endpoint);
  const expectation = { ...endpoint, pin: pins.get(endpoint.host), expiryMs: thresholds.expiryMs, now };
  const { verdict, reason, decisive, detail } = judgeEndpoint(expectation, report, agent);
  const rttMs = decisive?.rttMs;
  const { spec, section, row, level, host, transport, ports, anyOf, application, route, doc } = endpoint;
  return {
    from: nodes[endpoint.from]!.name,
    spec,
    section,
    row,
    level,
    host,
    transport,
    ports: formatPorts(ports),
    anyOf,
    application,
    route,
    verdict,
    reason,
    rttMs: rttMs === undefined ? null : Math.round(rttMs * 1_000) / 1_000,
    doc,
    evidence: {
      agent,
      ...(decisive === undefined ? {} : { decisive }),
      attempts: report?.attempts ?? [],
      ...(report?.resolution === undefined ? {} : { resolution: report.resolution }),
      ...(report?.direct === undefined ? {} : { direct: report.direct }),
      ...(detail === undefined ? {} : { detail }),
    },
  };
}
