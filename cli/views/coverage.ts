/** A page that says of every row of every spec how it is checked, for whoever asks what a report leaves out. */
import { howChecked } from "../../shared/row-checks.ts";
import { rowSections, type ProductSpec } from "../../shared/spec.ts";

const introduction = `# How each row is checked

Written by \`npm run coverage\` from the specs and the code; \`portmesh spec show ID\` prints the same of one spec.

| how | |
|---|---|
| probed | traffic shows it: paths between nodes, endpoints outside, certificates that are shown |
| measured | figures show it: settings of hosts, clocks, times, throughput, and what the cluster file says |
| stated | nothing that a program can reach shows it: the report has it as a statement for people to confirm, with this reason |
`;

export function renderCoverage(specs: readonly ProductSpec[]): string {
  return [introduction, ...specs.map(renderSpec)].join("\n");
}

function renderSpec(spec: ProductSpec): string {
  const rows = rowSections.flatMap((section) =>
    spec[section].map((row) => ({ section, row, check: howChecked(spec, section, row) })),
  );
  const numbers = Map.groupBy(rows, ({ check }) => check?.how ?? "stated");
  const counts = (["probed", "measured", "stated"] as const).map(
    (how) => `${numbers.get(how)?.length ?? 0} ${how}`,
  );
  const lines = rows.map(({ section, row, check }) => {
    const { how, text } = check ?? { how: "stated", text: "no probe shows a requirement of its kind" };
    return `| ${section}/${row.name} | ${row.doc} | ${how} | ${text.replaceAll("|", "\\|")} |`;
  });
  return [
    `## ${spec.title}`,
    "",
    `\`${spec.id}\`, ${rows.length} rows: ${counts.join(", ")}.`,
    "",
    "| row | document: lines | how | by what |",
    "|---|---|---|---|",
    ...lines,
    "",
  ].join("\n");
}
