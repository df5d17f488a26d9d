/** A plan as a dry run: who holds what, who probes whom, and what is left out with the reason. */
import { countProbes, type Plan } from "../../shared/plan.ts";
import { countPorts, formatPorts } from "../../shared/ports.ts";
import type { Paint } from "../terminal.ts";
import { renderTable } from "./table.ts";

export function renderPlan(plan: Plan, paint: Paint): string[] {
  const nameOf = (index: number): string => plan.nodes[index]!.name;
  const held = plan.nodes.flatMap(({ name, listeners }) =>
    listeners.map(({ transport, address, ports }) => [
      `  ${name}`,
      `${transport} ${address}`,
      `${countPorts(ports)} ports`,
      formatPorts(ports),
    ]),
  );
  const groups = Map.groupBy(plan.paths, ({ spec, flow, open }) => `${spec}/${flow}/${open}`);
  const flows = Array.from(groups.values(), (paths) => {
    const { flow, transport, ports, protocol, open, doc } = paths[0]!;
    const pairs = paths.map(({ from, to }) => `${nameOf(from)}>${nameOf(to)}`);
    const shown = pairs.length <= 4 ? pairs.join(" ") : `${pairs.slice(0, 4).join(" ")} …`;
    return [
      `  ${flow}`,
      `${transport}/${formatPorts(ports)}`,
      open ? protocol : "must be closed",
      `${paths.length} paths`,
      shown,
      doc,
    ];
  });
  const outside = Array.from(
    Map.groupBy(
      plan.endpoints,
      ({ spec, section, row, host }) => `${spec}/${section}/${row}/${host}`,
    ).values(),
    (group) => {
      const { row, host, transport, ports, application, route, doc } = group[0]!;
      const place = ports.length === 0 ? transport : `${transport}/${formatPorts(ports)}`;
      const how = route === "direct" ? application : `${application} by ${route}`;
      return [`  ${row}`, host, place, how, `${group.length} nodes`, doc];
    },
  );
  const requirements = plan.requirements.map(({ row, on, toward }) => [
    `  ${row.name}`,
    row.kind,
    toward.length === 0 ? `${on.length} nodes` : `${on.length} nodes toward ${toward.length}`,
    row.expected,
    row.doc,
  ]);
  const statements = plan.statements.map(({ section, row, why }) => [`  ${section}/${row}`, why]);
  return [
    paint("bold", `${plan.cluster}: ${plan.specs.map(({ id }) => id).join(", ")}, ${plan.phase} phase`),
    `${plan.nodes.length} nodes, ${plan.paths.length} paths, ${countProbes(plan.targets)} probes`,
    "",
    paint("bold", "Listeners"),
    ...renderTable(held),
    "",
    paint("bold", "Flows"),
    ...renderTable(flows),
    ...(outside.length === 0 ? [] : ["", paint("bold", "Endpoints"), ...renderTable(outside)]),
    ...(requirements.length === 0 ? [] : ["", paint("bold", "Requirements"), ...renderTable(requirements)]),
    ...(statements.length === 0 ? [] : ["", paint("bold", "Not probed"), ...renderTable(statements)]),
  ];
}

/** The plan with names instead of positions. */
export function planAsJson(plan: Plan): object {
  const nameOf = (index: number): string => plan.nodes[index]!.name;
  return {
    apiVersion: "portmesh/v1",
    kind: "Plan",
    cluster: plan.cluster,
    phase: plan.phase,
    specs: plan.specs.map(({ id, version }) => ({ id, version })),
    nodes: plan.nodes.map(({ name, addresses, roles, listeners }) => ({
      name,
      addresses,
      roles,
      listeners: listeners.map(({ transport, address, ports }) => ({
        transport,
        address,
        ports: formatPorts(ports),
      })),
    })),
    paths: plan.paths.map(({ from, to, spec, flow, level, transport, protocol, ports, open, doc }) => ({
      from: nameOf(from),
      to: nameOf(to),
      spec,
      flow,
      level,
      transport,
      protocol,
      ports: formatPorts(ports),
      expected: open ? "open" : "closed",
      doc,
    })),
    endpoints: plan.endpoints.map(({ id: _id, from, ports, ...rest }) => ({
      from: nameOf(from),
      ...rest,
      ports: formatPorts(ports),
    })),
    requirements: plan.requirements.map(({ spec, row, on, toward }) => ({
      spec,
      name: row.name,
      kind: row.kind,
      on: on.map(nameOf),
      toward: toward.map(nameOf),
      expected: row.expected,
      doc: row.doc,
    })),
    probes: countProbes(plan.targets),
    statements: plan.statements,
  };
}
