/** A spec for people: its options, and its rows as tables. */
import { formatPorts, parsePorts, type PortsText } from "../../shared/ports.ts";
import { howChecked } from "../../shared/row-checks.ts";
import { rowSections, type Endpoint, type Flow, type ProductSpec } from "../../shared/spec.ts";
import { describeCondition } from "../../shared/spec-options.ts";
import type { Paint } from "../terminal.ts";
import { renderTable } from "./table.ts";

export function renderSpec(spec: ProductSpec, paint: Paint): string[] {
  const heading = (text: string): string[] => ["", paint("bold", text)];
  const options = Object.entries(spec.options).map(([name, option]) => [
    name,
    option.type,
    option.values?.join("|") ?? "",
    option.default === undefined ? "" : `default ${String(option.default)}`,
    option.description,
  ]);
  return [
    paint("bold", `${spec.title} (${spec.id} ${spec.version})`),
    ...spec.source.map(({ id, title, lines }) => `source ${id}: ${title}, ${lines} lines`),
    ...(options.length === 0 ? [] : [...heading("Options"), ...renderTable(options, "  ")]),
    ...heading("Roles"),
    ...renderTable(
      Object.entries(spec.roles).map(([name, role]) => [
        name,
        role.everyNode === true ? "every node" : role.place,
        role.title,
      ]),
      "  ",
    ),
    ...heading("Flows"),
    ...renderTable([
      ["  NAME", "FROM", "TO", "PORTS", "APPLICATION", "SECURITY", "PHASE", "LEVEL", "DOC"],
      ...spec.flows.map((flow) => [
        `  ${flow.name}`,
        flow.from.join(","),
        flow.to.join(","),
        `${flow.transport}/${portsText(flow)}`,
        flow.application,
        flow.security,
        flow.phase,
        levelOf(flow),
        flow.doc,
      ]),
    ]),
    ...(spec.endpoints.length === 0
      ? []
      : [
          ...heading("Endpoints"),
          ...renderTable([
            ["  NAME", "FROM", "HOSTS", "PORTS", "APPLICATION", "SECURITY", "LEVEL", "DOC"],
            ...spec.endpoints.map((endpoint) => [
              `  ${endpoint.name}`,
              endpoint.from.join(","),
              hostsOf(endpoint),
              `${endpoint.transport}/${portsText(endpoint)}`,
              endpoint.application,
              endpoint.security,
              levelOf(endpoint),
              endpoint.doc,
            ]),
          ]),
        ]),
    ...(spec.requirements.length === 0
      ? []
      : [
          ...heading("Requirements"),
          ...renderTable([
            ["  NAME", "KIND", "ON", "EXPECTED", "LEVEL", "DOC"],
            ...spec.requirements.map((requirement) => [
              `  ${requirement.name}`,
              requirement.kind,
              requirement.on.join(","),
              requirement.expected,
              levelOf(requirement),
              requirement.doc,
            ]),
          ]),
        ]),
    ...heading("How rows are checked"),
    ...renderTable(
      rowSections.flatMap((section) =>
        spec[section].map((row) => {
          const { how, text } = howChecked(spec, section, row) ?? unchecked;
          return [`  ${section}/${row.name}`, how, text];
        }),
      ),
    ),
  ];
}

const unchecked = { how: "stated", text: "no probe shows a requirement of its kind" };

export function portsText(row: Pick<Flow, "ports" | "anyOf" | "configurable">): string {
  if (row.anyOf !== undefined) return row.anyOf.join(" or ");
  if (row.configurable !== undefined)
    return `${row.configurable.option} (recommended ${row.configurable.recommended})`;
  const parsed = parsePorts(row.ports as PortsText);
  return typeof parsed === "string" ? String(row.ports) : formatPorts(parsed);
}

function hostsOf(endpoint: Endpoint): string {
  return [
    ...(endpoint.hosts ?? []),
    ...(endpoint.addresses ?? []),
    ...(endpoint.supplied === undefined ? [] : [`option ${endpoint.supplied.option}`]),
  ].join(" ");
}

function levelOf({ when, level }: Pick<Flow, "when" | "level">): string {
  return when === undefined ? level : `where ${describeCondition(when)}`;
}
