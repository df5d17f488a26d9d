/** The rules that are shipped, as data. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

export interface AlertRule {
  alert: string;
  expr: string;
  for?: string;
  keep_firing_for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
export interface RecordingRule {
  record: string;
  expr: string;
}
export interface RuleFile {
  groups: { name: string; rules: (AlertRule | RecordingRule)[] }[];
}

export const prometheusFolder = join(import.meta.dirname, "../../deploy/prometheus");
export const ruleFile = join(prometheusFolder, "portmesh.rules.yml");

export function readRules(): RuleFile {
  return parse(readFileSync(ruleFile, "utf8")) as RuleFile;
}

export function alertsOf({ groups }: RuleFile): AlertRule[] {
  return groups.flatMap(({ rules }) => rules.filter((rule) => "alert" in rule));
}
