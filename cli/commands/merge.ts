/** `portmesh merge`: the bundles of offline agents become the report that a check would have given. */
import { X509Certificate } from "node:crypto";
import { Command } from "commander";
import type { CheckedBundle } from "../../coordinator/bundle.ts";
import { PortmeshError } from "../../shared/errors.ts";
import type { FailOn } from "../../shared/exit-code.ts";
import { readLimited } from "../offline-plan-file.ts";
import { failOnOption } from "../options.ts";
import { outputOption, ReportOutput, reportOption, type ReportFlags } from "../report-output.ts";
import type { Terminal } from "../terminal.ts";

interface MergeFlags extends ReportFlags {
  failOn: FailOn[];
  authority?: string;
  skipBad: boolean;
}

export function mergeCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  return new Command("merge")
    .description("join the bundles of offline agents into one report")
    .argument("<bundle...>", "what the agents wrote, one a node")
    .addOption(outputOption())
    .addOption(reportOption())
    .addOption(failOnOption())
    .option("--authority <file>", "believe only nodes of this authority (authority.pem beside the plans)")
    .option("--skip-bad", "leave out bundles that cannot be used, instead of refusing all", false)
    .addHelpText(
      "after",
      "\nExamples:\n  portmesh merge *.bundle\n  portmesh merge --authority plans/authority.pem --report html=report.html *.bundle",
    )
    .action(async (files: string[], flags: MergeFlags) => {
      done(await merge(files, flags, terminal));
    });
}

async function merge(files: readonly string[], flags: MergeFlags, terminal: Terminal): Promise<number> {
  const output = new ReportOutput(flags, terminal);
  const [{ divideByPlan, mergeBundles }, { buildReport }, { exitCodeOf }] = await Promise.all([
    import("../../coordinator/merge.ts"),
    import("../../coordinator/report-builder.ts"),
    import("../../shared/exit-code.ts"),
  ]);
  const say = (line: string): void => void terminal.err.write(`${line}\n`);
  let bundles = await readBundles(files, flags, say);
  if (flags.skipBad) {
    const [one, rest] = divideByPlan(bundles);
    for (const { file } of rest) say(`left out: ${file}: is of another plan`);
    bundles = one;
  }
  if (bundles.length === 0) throw new PortmeshError("invalid-input", "no bundle is left to merge");
  const { plan, observations, attendance, facts, notes } = mergeBundles(bundles);
  notes.forEach(say);
  const report = buildReport(plan, observations, attendance, facts);
  return output.finish(report, exitCodeOf(report, flags.failOn));
}

/** All of them, or an error that names every bad one; with --skip-bad the good ones. */
async function readBundles(
  files: readonly string[],
  { authority, skipBad }: MergeFlags,
  say: (line: string) => void,
): Promise<CheckedBundle[]> {
  const { readBundle } = await import("../../coordinator/bundle.ts");
  const insistOn = authority === undefined ? undefined : readAuthority(authority);
  const bundles: CheckedBundle[] = [];
  const problems: PortmeshError[] = [];
  for (const file of files) {
    try {
      bundles.push(readBundle(readLimited(file, "a bundle"), file, insistOn));
    } catch (error) {
      if (!(error instanceof PortmeshError)) throw error;
      problems.push(error);
      if (skipBad) say(`left out: ${error.message}`);
    }
  }
  if (problems.length > 0 && !skipBad) {
    const next = problems[0]!.next ?? "--skip-bad merges the others.";
    throw new PortmeshError("invalid-input", problems.map(({ message }) => message).join("\n"), { next });
  }
  return bundles;
}

function readAuthority(path: string): X509Certificate {
  const text = readLimited(path, "the authority");
  try {
    return new X509Certificate(text);
  } catch {
    throw new PortmeshError("usage", `${path}: is not a certificate in PEM`, {
      next: "It is written as authority.pem beside the plans.",
    });
  }
}
