/** Tables of hosts outside, one row of a spec each, and the check that meets all of them at once. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import type { EndpointAttempt } from "../../shared/endpoint-report.ts";
import type { Reason } from "../../shared/names.ts";
import type { Report } from "../../shared/report.ts";
import type { LabAuthority } from "../helpers/lab-authority.ts";
import { runLabCheck, type LabCheckOptions } from "./check.ts";
import type { Lab } from "./lab.ts";
import { labSpec, type LabEndpoint, type LabSpecOptions } from "./spec.ts";

/** With regular expressions in place of texts, and as much of it as matters. */
type Like<Thing> = Thing extends object ? { [Key in keyof Thing]?: Like<Thing[Key]> } : Thing | RegExp;

export interface WantedEndpoint {
  reason: Reason;
  /** The attempt that decided. */
  decisive?: Like<EndpointAttempt>;
  /** What the evidence says. */
  detail?: RegExp;
}

export interface EndpointCase {
  /** What is not HTTPS on port 443. */
  endpoint?: Partial<LabEndpoint>;
  /** In the cluster file; the node's own resolver is asked where there are none. */
  addresses?: readonly string[];
  wanted: WantedEndpoint;
  /** What single nodes find that is different. */
  except?: Readonly<Record<string, WantedEndpoint>>;
}
export type EndpointCases = Readonly<Record<string, EndpointCase>>;

/** Each row has a host of its own that is called after it. */
export function hostOf(row: string): string {
  return `${row}.lab.example`;
}

export interface CasesOptions extends Pick<LabCheckOptions, "env" | "args"> {
  nodes: readonly string[];
  trust: readonly LabAuthority[];
  pins?: Readonly<Record<string, string>>;
  requirements?: LabSpecOptions["requirements"];
}

export interface CasesResult {
  report: Report;
  exitCode: number | null;
  /** As people see it. */
  text: string;
}

/** Checks what is wanted of every row and node, and that there is nothing else. */
export async function checkCases(
  t: Test,
  lab: Lab,
  cases: EndpointCases,
  { nodes, trust, pins = {}, requirements, env, args = [] }: CasesOptions,
): Promise<CasesResult> {
  const endpoints = Object.entries(cases).map(([name, { endpoint }]) => ({
    name,
    hosts: [hostOf(name)],
    ...endpoint,
  }));
  const known = Object.entries(cases).filter(([, { addresses }]) => addresses !== undefined);
  const folder = mkdtempSync(join(tmpdir(), "portmesh-cases-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const textFile = join(folder, "report.txt");
  const { report, exitCode } = await runLabCheck(lab, {
    specs: [{ spec: labSpec({ endpoints, ...(requirements === undefined ? {} : { requirements }) }) }],
    nodes: nodes.map((name) => ({ name })),
    control: nodes[0]!,
    skip: [requirements === undefined ? "requirements" : "bandwidth"],
    ...(env === undefined ? {} : { env }),
    outside: {
      resolve: Object.fromEntries(known.map(([name, { addresses }]) => [hostOf(name), addresses])),
      trust: trust.map((_, index) => `authority${index}.pem`),
      pins,
    },
    files: Object.fromEntries(
      trust.map(({ certificatePem }, index) => [`authority${index}.pem`, certificatePem]),
    ),
    args: ["--report", `text=${textFile}`, ...args],
  });
  const wanted = nodes.flatMap((from) =>
    Object.entries(cases).map(([row, each]) => ({ from, row, ...(each.except?.[from] ?? each.wanted) })),
  );
  expectEndpoints(t, report, wanted);
  return { report, exitCode, text: readFileSync(textFile, "utf8") };
}

/** On a difference, the evidence of the rows in question is printed with it. */
function expectEndpoints(
  t: Test,
  { endpoints }: Report,
  wanted: readonly (WantedEndpoint & { from: string; row: string })[],
): void {
  const line = ({ from, row, reason }: { from: string; row: string; reason: Reason }): string =>
    `${from} ${row} ${reason}`;
  t.strictSame(endpoints.map(line).toSorted(), wanted.map(line).toSorted(), "exactly what is there is found");
  for (const { from, row, reason, decisive, detail } of wanted) {
    const found = endpoints.find((each) => each.from === from && each.row === row);
    if (found === undefined) continue;
    const { evidence } = found;
    if (found.reason !== reason) {
      t.comment(`${from} ${row} ${JSON.stringify(evidence)}`);
      continue;
    }
    if (decisive !== undefined) t.match(evidence.decisive, decisive, `${from} ${row}`);
    const said = evidence.detail ?? evidence.decisive?.detail ?? evidence.resolution?.detail;
    if (detail !== undefined) t.match(said, detail, `${from} ${row}`);
  }
}
