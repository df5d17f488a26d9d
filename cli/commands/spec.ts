/** `portmesh spec`: what the shipped products need, and checks for specs and cluster files of your own. */
import { Command, Option } from "commander";
import { checkPhases, type CheckPhase, type Skippable } from "../../shared/names.ts";
import { PortmeshError } from "../../shared/errors.ts";
import { durationOption, skipOption } from "../options.ts";
import { painter, type Terminal } from "../terminal.ts";

interface OutputFlags {
  output: "text" | "json";
}

interface RenderFlags extends OutputFlags {
  phase: CheckPhase;
  skip: Skippable[];
  offline?: string;
  valid: number;
}

export function specCommand(terminal: Terminal): Command {
  const output = (): Option =>
    new Option("-o, --output <format>", "what to print").choices(["text", "json"]).default("text");
  const json = (value: unknown): void => void terminal.out.write(`${JSON.stringify(value, undefined, 2)}\n`);
  const lines = (text: readonly string[]): void => void terminal.out.write(`${text.join("\n")}\n`);
  const paint = painter(terminal.out);

  const list = new Command("list")
    .description("the shipped specs")
    .addOption(output())
    .action(async (flags: OutputFlags) => {
      const { readSpecFolder } = await import("../../shared/spec-folder.ts");
      const { renderTable } = await import("../views/table.ts");
      const specs = readSpecFolder();
      if (flags.output === "json") json(specs.map(summaryOf));
      else {
        const rows = specs
          .map(summaryOf)
          .map(({ id, version, title, flows, endpoints, requirements }) => [
            id,
            version,
            String(flows),
            String(endpoints),
            String(requirements),
            title,
          ]);
        lines(renderTable([["ID", "VERSION", "FLOWS", "ENDPOINTS", "REQUIREMENTS", "TITLE"], ...rows]));
      }
    });

  const show = new Command("show")
    .description("every row of one spec, with the document's lines")
    .argument("<id>", "a shipped spec, or a path to a file")
    .addOption(output())
    .action(async (id: string, flags: OutputFlags) => {
      const spec = await loadSpec(id);
      if (flags.output === "json") json(await withChecks(spec));
      else lines((await import("../views/spec-text.ts")).renderSpec(spec, paint));
    });

  const validate = new Command("validate")
    .description("check a spec file; every mistake with line and column")
    .argument("<file>", "the spec file")
    .addOption(output())
    .action(async (file: string, flags: OutputFlags) => {
      const { readSpecFile } = await import("../../shared/spec-folder.ts");
      const summary = summaryOf(readSpecFile(file));
      if (flags.output === "json") json(summary);
      else
        lines([
          `${file} is valid: ${summary.id} ${summary.version}, ${summary.flows} flows, ${summary.endpoints} endpoints, ${summary.requirements} requirements`,
        ]);
    });

  const schema = new Command("schema")
    .description("the JSON Schema of specs, cluster files or reports, for editors and scripts")
    .argument("[of]", "spec, cluster or report", "spec")
    .action(async (of: string) => {
      const { schemas } = await import("../schemas.ts");
      const chosen = schemas[of as keyof typeof schemas];
      if (chosen === undefined)
        throw new PortmeshError("usage", `no schema ${of}`, {
          next: `There are ${Object.keys(schemas).join(", ")}.`,
        });
      json(chosen);
    });

  const render = new Command("render")
    .description("the plan for a cluster file: what would be held and probed, without doing it")
    .argument("<cluster.yaml>", "the cluster file")
    .addOption(
      new Option("--phase <phase>", "which phase must be ready").choices(checkPhases).default("install"),
    )
    .addOption(skipOption())
    .addOption(output())
    .option("--offline <dir>", "write a plan file a node, for agents without a coordinator")
    .addOption(durationOption("--valid <duration>", "how long those plans can be used", "7d"))
    .action(async (file: string, flags: RenderFlags) => {
      const { readCluster } = await import("../cluster-input.ts");
      if (flags.offline !== undefined) {
        const { makeOfflinePlans } = await import("../../coordinator/offline-plans.ts");
        const { writeOfflinePlans } = await import("../offline-plan-file.ts");
        const plans = await makeOfflinePlans(
          readCluster(file),
          flags.phase,
          flags.skip,
          flags.valid,
          new Date(),
        );
        const files = writeOfflinePlans(plans, flags.offline);
        if (flags.output === "json") json({ files });
        else lines(files.map((path) => `wrote ${path}`));
        return;
      }
      const { makePlan } = await import("../../shared/plan.ts");
      const { planAsJson, renderPlan } = await import("../views/plan-text.ts");
      const plan = makePlan(readCluster(file), flags.phase, flags.skip);
      if (flags.output === "json") json(planAsJson(plan));
      else lines(renderPlan(plan, paint));
    });

  return new Command("spec")
    .description("what products need of the network")
    .addCommand(list)
    .addCommand(show)
    .addCommand(validate)
    .addCommand(schema)
    .addCommand(render);
}

type Spec = Awaited<ReturnType<typeof loadSpec>>;

function summaryOf({
  id,
  version,
  title,
  flows,
  endpoints,
  requirements,
}: Spec): Record<"id" | "version" | "title", string> &
  Record<"flows" | "endpoints" | "requirements", number> {
  return {
    id,
    version,
    title,
    flows: flows.length,
    endpoints: endpoints.length,
    requirements: requirements.length,
  };
}

/** The spec with what is known of each row's check beside the row. */
async function withChecks(spec: Spec): Promise<object> {
  const { howChecked } = await import("../../shared/row-checks.ts");
  const { rowSections } = await import("../../shared/spec.ts");
  const sections = rowSections.map((section) => [
    section,
    spec[section].map((row) => ({ ...row, check: howChecked(spec, section, row) })),
  ]);
  return { ...spec, ...(Object.fromEntries(sections) as object) };
}

async function loadSpec(id: string): Promise<import("../../shared/spec.ts").ProductSpec> {
  const { readShippedSpec, readSpecFile, shippedSpecIds } = await import("../../shared/spec-folder.ts");
  if (/[./]/.test(id)) return readSpecFile(id);
  const spec = readShippedSpec(id);
  if (spec === undefined)
    throw new PortmeshError("usage", `no spec ${id} is shipped`, {
      next: `There are ${shippedSpecIds().join(", ")}; a path shows a file of your own.`,
    });
  return spec;
}
