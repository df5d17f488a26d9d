/** A row of a spec is checked, or the plan says why not: whatever the phase, the roles and the options are. */
import t from "tap";
import type { CheckPhase } from "../../shared/names.ts";
import { makePlan, type Plan } from "../../shared/plan.ts";
import { readSpecFolder } from "../../shared/spec-folder.ts";
import { rowSections, type ProductSpec } from "../../shared/spec.ts";
import {
  clusterOf,
  flowOf,
  endpointRowOf,
  nodesOf,
  requirementOf,
  specOf,
} from "../helpers/domain-fixtures.ts";

/** Rows that a plan neither checks nor speaks of. */
function forgotten(spec: ProductSpec, plan: Plan): string[] {
  const known = new Set([
    ...plan.paths.map(({ flow }) => `flows/${flow}`),
    ...plan.endpoints.map(({ section, row }) => `${section}/${row}`),
    ...plan.requirements.map(({ row }) => `requirements/${row.name}`),
    ...plan.statements.map(({ section, row }) => `${section}/${row}`),
  ]);
  // What leads to endpoints is checked by them.
  for (const { name, endpoints = [] } of spec.flows)
    if (endpoints.some((each) => known.has(`endpoints/${each}`))) known.add(`flows/${name}`);
  return rowSections
    .flatMap((section) => spec[section].map(({ name }) => `${section}/${name}`))
    .filter((row) => !known.has(row));
}

/** Every value that an option can have, and none. */
function choicesOf(spec: ProductSpec): Record<string, unknown>[] {
  return Object.entries(spec.options).flatMap(([name, { type, values = [] }]) => {
    const each: Record<typeof type, unknown[]> = {
      choice: values,
      choices: values.map((value) => [value]),
      version: ["1.1", "9.9"],
      port: [4_443],
      host: ["host.example"],
      url: ["https://host.example/file"],
      flag: [true, false],
    };
    return each[type].map((value) => ({ [name]: value }));
  });
}

for (const spec of readSpecFolder()) {
  t.test(`no row of ${spec.id} is passed over in silence`, async (t) => {
    const inside = Object.keys(spec.roles).filter((role) => spec.roles[role]?.place === "in-cluster");
    const outside = Object.keys(spec.roles).filter((role) => spec.roles[role]?.place === "outside");
    const clusters = [
      nodesOf(inside, inside),
      nodesOf(inside, inside, outside),
      nodesOf(inside.slice(0, 1)),
      nodesOf(outside),
      ...inside.map((role) => nodesOf([role], [role])),
    ];
    for (const nodes of clusters) {
      for (const choices of [{}, ...choicesOf(spec)]) {
        let cluster: ReturnType<typeof clusterOf>;
        try {
          cluster = clusterOf(spec, nodes, choices);
        } catch {
          continue; // An option that decides nothing beside the defaults of the others.
        }
        for (const phase of ["install", "runtime"] satisfies CheckPhase[]) {
          for (const skip of [[], ["endpoints"], ["requirements"]] as const) {
            const missing = forgotten(spec, makePlan(cluster, phase, [...skip]));
            if (missing.length > 0)
              t.fail(`${JSON.stringify({ roles: nodes, choices, phase, skip })}: ${missing.join(", ")}`);
          }
        }
      }
    }
    t.pass("all were looked at");
  });
}

t.test("a reason is the one that the reader can do something about", async (t) => {
  const spec = specOf({
    options: { region: { description: "Where", type: "choice", values: ["us", "eu"], default: "us" } },
    roles: { peer: {}, ghost: {}, users: { place: "outside" } },
    endpoints: [
      endpointRowOf("absent", { from: ["ghost"] }),
      endpointRowOf("installer", { phase: "install" }),
      endpointRowOf("outsiders", { from: ["users"] }),
    ],
    flows: [flowOf("leftover", { phase: "install" })],
    requirements: [
      requirementOf("absent", "subnet", { on: ["ghost"] }),
      requirementOf("installed", "subnet", { byInstaller: true }),
      requirementOf("installer", "subnet", { phase: "install" }),
      requirementOf("over", "subnet", { phase: "install", stated: "because" }),
      requirementOf("people", "subnet", { stated: "because" }),
      requirementOf("european", "subnet", { level: "conditional", when: { region: "eu" } }),
    ],
  });
  const whyOf = (phase: CheckPhase): Record<string, string> =>
    Object.fromEntries(
      makePlan(clusterOf(spec, nodesOf(["peer"], ["peer"])), phase).statements.map(
        ({ section, row, why }) => [`${section}/${row}`, why],
      ),
    );
  const always = {
    "endpoints/absent": "no node has the role ghost",
    "endpoints/outsiders": "no agent stands outside the cluster as users",
    "requirements/absent": "no node has the role ghost",
    "requirements/people": "because",
    "requirements/european": "applies only where region is eu",
  };
  t.strictSame(whyOf("install"), {
    ...always,
    "requirements/installed": "the product's installer sees to it: check it with --phase runtime",
    "requirements/over": "because",
  });
  const over = "it is needed for the installation only";
  t.strictSame(whyOf("runtime"), {
    ...always,
    "flows/leftover": over,
    "endpoints/installer": over,
    "requirements/installer": over,
    "requirements/over": over,
  });
});
