/**
 * `npm run bench`: how fast Portmesh is, against what the kernel allows and against the tools people use.
 * What is measured and how to read it: docs/benchmarks.md. Exit codes: 0 when everything ran, also where a
 * requirement was missed (a busy host must not break a build), 1 when something could not run or with
 * `--strict` a requirement was missed, 2 for a wrong command line.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { describeError, PortmeshError } from "../shared/errors.ts";
import { Children } from "./children.ts";
import { figureOf, judge, measure } from "./measure.ts";
import { Network, removeNetwork } from "./network.ts";
import { readOptions, requireSystem, type BenchOptions } from "./options.ts";
import { Setting } from "./setting.ts";
import { subjects } from "./subjects.ts";
import { renderTable, type Result } from "./table.ts";

const say = (text: string): void => console.error(`bench: ${text}`);

try {
  const options = readOptions(process.argv.slice(2));
  requireSystem(options.only);
  const result = await bench(options);
  console.log(options.output === "json" ? JSON.stringify(result, undefined, 2) : renderTable(result));
  if (options.strict && result.verdicts.some(({ holds }) => holds === false)) process.exitCode = 1;
} catch (error) {
  say(describeError(error));
  if (error instanceof PortmeshError && error.next !== undefined) say(`Next: ${error.next}`);
  process.exitCode = error instanceof PortmeshError ? error.exitCode : 1;
}

/** Makes the hosts, measures, and removes everything again, however it ends. */
async function bench(options: BenchOptions): Promise<Result> {
  const cancel = new AbortController();
  const onSignal = (signal: string): void => cancel.abort(new Error(`interrupted by ${signal}`));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, onSignal);
  const children = new Children(cancel.signal);
  const folder = mkdtempSync(join(tmpdir(), "portmesh-bench-"));
  try {
    const network = new Network(children);
    await network.build();
    return await measureSubjects(options, new Setting(network, folder, children), children);
  } finally {
    await children.end();
    await removeNetwork(new Children(new AbortController().signal));
    rmSync(folder, { recursive: true, force: true });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, onSignal);
  }
}

async function measureSubjects(
  { only, runs }: BenchOptions,
  setting: Setting,
  children: Children,
): Promise<Result> {
  const definitions = only.map((name) => subjects[name]);
  const farEnds = new Map(
    definitions.flatMap(({ farEnds: ends }) => ends).map((end) => [end.join(" "), end]),
  );
  if (farEnds.size > 0) await setting.compile(children);
  for (const [protocol, address] of farEnds.values()) await setting.listen(protocol, address);
  const prepared = await Promise.all(definitions.map(({ prepare }) => prepare(setting)));
  const measurements = prepared.flatMap((subject) => subject.measurements);
  const samples = await measure(measurements, runs, say);
  const distinct = new Map(measurements.map((each) => [each.id, each])).values();
  return {
    machine: {
      cpu: cpus()[0]?.model ?? "unknown CPU",
      cores: cpus().length,
      kernel: release(),
      node: process.versions.node,
    },
    runs,
    figures: Array.from(distinct, (each) => figureOf(each, samples)),
    verdicts: prepared
      .flatMap((subject) => subject.comparisons)
      .map((comparison) => judge(comparison, samples)),
  };
}
