/** `portmesh doctor`: looks at this host alone, without a coordinator, and says what to mend. */
import { Command, Option } from "commander";
import { PortmeshError } from "../../shared/errors.ts";
import { checkPhases, type CheckPhase } from "../../shared/names.ts";
import { glyphsFor, painter, type Terminal } from "../terminal.ts";
import type { DoctorReport } from "../doctor/examine.ts";
import type { DoctorSubject } from "../doctor/subject.ts";

interface DoctorFlags {
  spec?: string;
  cluster?: string;
  node?: string;
  phase: CheckPhase;
  output: "text" | "json";
}

export function doctorCommand(terminal: Terminal, done: (exitCode: number) => void): Command {
  return new Command("doctor")
    .description("look at this host: settings, ports, clock, name servers; with the command that mends each")
    .addOption(
      new Option("--spec <id>", "with what this product needs: a shipped spec, or a path").conflicts([
        "cluster",
        "node",
      ]),
    )
    .option("--cluster <file>", "with what the specs of this cluster file need")
    .option("--node <name>", "which of its nodes this host is; else found by its addresses")
    .addOption(new Option("--phase <phase>", "what must be ready").choices(checkPhases).default("install"))
    .addOption(new Option("-o, --output <format>", "what to print").choices(["text", "json"]).default("text"))
    .addHelpText(
      "after",
      "\nNothing is changed, and no other node is asked. What only root may see is unknown to others.\n\nExits 0 where all is met, 3 where something is not, 5 where something is only unknown.\n\nExamples:\n  portmesh doctor\n  portmesh doctor --spec anypoint-runtime-fabric --phase runtime\n  portmesh doctor --cluster cluster.yaml --node n1 -o json",
    )
    .action(async (flags: DoctorFlags) => {
      if (flags.node !== undefined && flags.cluster === undefined)
        throw new PortmeshError("usage", "--node needs --cluster", {
          next: "Name the cluster file that has this node.",
        });
      done(await doctor(flags, terminal));
    });
}

async function doctor(flags: DoctorFlags, terminal: Terminal): Promise<number> {
  const [{ examine }, { thisHost }] = await Promise.all([
    import("../doctor/examine.ts"),
    import("../../agent/facts/read-facts.ts"),
  ]);
  const subject = await subjectOf(flags);
  const report = await examine(subject, thisHost(process.env), new AbortController().signal);
  if (flags.output === "json") terminal.out.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else {
    const { renderDoctor } = await import("../views/doctor-text.ts");
    terminal.out.write(renderDoctor(report, glyphsFor(terminal.ascii), painter(terminal.out)));
  }
  return exitCodeOf(report);
}

async function subjectOf({ spec, cluster, node, phase }: DoctorFlags): Promise<DoctorSubject> {
  const { anyNodeOf, hostAlone, nodeOfCluster } = await import("../doctor/subject.ts");
  if (cluster !== undefined) {
    const { readCluster } = await import("../cluster-input.ts");
    return nodeOfCluster(readCluster(cluster), node, phase);
  }
  const { usualAddress } = await import("../doctor/usual-address.ts");
  const address = await usualAddress();
  if (spec === undefined) return hostAlone(phase, address);
  const { loadSpec } = await import("../spec-input.ts");
  return anyNodeOf(await loadSpec(spec), phase, address);
}

function exitCodeOf({ summary }: DoctorReport): number {
  if (summary.fail > 0) return 3;
  return summary.unknown > 0 ? 5 : 0;
}
