/**
 * The choices a spec offers (region, deployment stage, version, ports of the user's own) and the
 * conditions by which they select rows.
 */
import Type, { type Static } from "typebox";
import { parseHost } from "./addresses.ts";
import { expects } from "./schema-errors.ts";
import { DocSchema } from "./schemas.ts";

const optionTypes = ["choice", "choices", "version", "port", "host", "url", "flag"] as const;

export const OptionSchema = Type.Object(
  {
    description: Type.String({ minLength: 1 }),
    type: Type.Enum([...optionTypes], {
      description:
        "choices is a list of values; version compares, as in '<1.166'; host is one name or address, or a list, each maybe with its port.",
    }),
    values: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: "For choice and choices." })),
    default: Type.Optional(
      Type.Union([Type.String(), Type.Integer(), Type.Boolean(), Type.Array(Type.String())], {
        ...expects("a text, a whole number, true, false or a list of texts"),
      }),
    ),
    doc: Type.Optional(DocSchema),
  },
  { additionalProperties: false },
);
export type SpecOption = Static<typeof OptionSchema>;

/** What a cluster file sets an option to. */
export const OptionValueSchema = Type.Union(
  [Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.Union([Type.String(), Type.Number()]))],
  { ...expects("a text, a number, true, false or a list") },
);
export type OptionValue = Static<typeof OptionValueSchema>;
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>;

const ComparisonSchema = Type.Union(
  [Type.String(), Type.Boolean(), Type.Array(Type.String(), { minItems: 1 })],
  {
    ...expects("a value, a list of values (any of them), or for versions a comparison such as '<1.166'"),
  },
);
type Comparison = Static<typeof ComparisonSchema>;
const AllOf = Type.Record(Type.String(), ComparisonSchema);

export const ConditionSchema = Type.Union([AllOf, Type.Array(AllOf, { minItems: 1 })], {
  description: "Option by option what must hold; all of a map, any map of a list.",
  ...expects("a map of options and values, or a list of such maps"),
});
export type Condition = Static<typeof ConditionSchema>;

const versionComparison = /^(<|<=|>|>=|=)\s*([0-9]+(?:\.[0-9]+)*)$/;

/** A sentence on what is wrong with a condition, for the author of a spec. */
export function conditionProblem(
  condition: Condition,
  options: Readonly<Record<string, SpecOption>>,
): string | undefined {
  for (const clause of clausesOf(condition)) {
    for (const [name, comparison] of Object.entries(clause)) {
      const option = Object.hasOwn(options, name) ? options[name] : undefined;
      if (option === undefined)
        return `unknown option ${name}; this spec has ${Object.keys(options).join(", ")}`;
      const wanted = Array.isArray(comparison) ? comparison : [comparison];
      if (option.type === "version" && !wanted.every((text) => versionComparison.test(String(text)))) {
        return `${name} is a version: compare it with <, <=, =, >= or >, as in '<1.166'`;
      }
      const unknown = wanted.find(
        (value) => option.values !== undefined && !option.values.includes(String(value)),
      );
      if (unknown !== undefined)
        return `${name} cannot be ${unknown}; it is one of ${option.values?.join(", ")}`;
    }
  }
  return undefined;
}

/** Whether a row applies under these options. An option nobody set satisfies no condition. */
export function conditionHolds(condition: Condition | undefined, values: OptionValues): boolean {
  if (condition === undefined) return true;
  return clausesOf(condition).some((clause) =>
    Object.entries(clause).every(([name, comparison]) => comparisonHolds(comparison, values[name])),
  );
}

/** `region is us`: the condition in words, for what a report says it left out. */
export function describeCondition(condition: Condition): string {
  const clauses = clausesOf(condition).map((clause) =>
    Object.entries(clause)
      .map(
        ([name, value]) =>
          `${name} ${Array.isArray(value) ? `is ${value.join(" or ")}` : describeValue(value)}`,
      )
      .join(" and "),
  );
  return clauses.join(", or ");
}

/**
 * Where an option is chosen that decides nothing beside the others, since all rows that depend on it apply under
 * other choices only: those choices in words. A choice that is the default says nothing.
 */
export function idleBecause(
  name: string,
  rows: readonly { when?: Condition; uses: boolean }[],
  values: OptionValues,
): string | undefined {
  const others = rows.flatMap(({ when, uses }): Record<string, Comparison>[] => {
    if (uses) return when === undefined ? [{}] : [...clausesOf(when)];
    return clausesOf(when ?? []).flatMap((clause) => {
      if (!Object.hasOwn(clause, name)) return [];
      const { [name]: _own, ...rest } = clause;
      return [rest];
    });
  });
  if (others.length === 0 || others.some((clause) => conditionHolds(clause, values))) return undefined;
  return [...new Set(others.map(describeCondition))].join(", or ");
}

function describeValue(value: string | boolean): string {
  return versionComparison.test(String(value)) ? String(value) : `is ${value}`;
}

function clausesOf(condition: Condition): readonly Record<string, Comparison>[] {
  return Array.isArray(condition) ? condition : [condition];
}

function comparisonHolds(comparison: Comparison, value: OptionValue | undefined): boolean {
  if (value === undefined) return false;
  const wanted = Array.isArray(comparison) ? comparison : [comparison];
  const actual = Array.isArray(value) ? value : [value];
  return wanted.some((want) =>
    actual.some((have) => {
      const match = versionComparison.exec(String(want));
      return match === null
        ? String(have) === String(want)
        : compares(match[1]!, compareVersions(String(have), match[2]!));
    }),
  );
}

function compares(operator: string, order: number): boolean {
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    default:
      return order === 0;
  }
}

/** Negative, zero or positive, comparing numbered parts: 1.9 comes before 1.166. */
function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const order = (left[index] ?? 0) - (right[index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** A sentence where a cluster file's value does not fit the option. */
export function optionValueProblem(name: string, option: SpecOption, value: OptionValue): string | undefined {
  const items = Array.isArray(value) ? value : [value];
  const takesList = option.type === "choices" || option.type === "host";
  if (Array.isArray(value) && !takesList) return `${name} takes one value, not a list`;
  switch (option.type) {
    case "choice":
    case "choices": {
      const unknown = items.find((item) => !option.values?.includes(String(item)));
      return unknown === undefined
        ? undefined
        : `${name} must be one of ${option.values?.join(", ")}; found ${unknown}`;
    }
    case "version":
      // Without quotes YAML reads 1.170 as the number 1.17, which is another version.
      return typeof value === "string" && /^[0-9]+(\.[0-9]+)*$/.test(value)
        ? undefined
        : `${name} must be a version such as "1.166" (in quotes); found ${String(value)}`;
    case "port":
      return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65535
        ? undefined
        : `${name} must be a port from 1 to 65535; found ${String(value)}`;
    case "host":
      return items.every((item) => typeof item === "string" && parseHost(item) !== undefined)
        ? undefined
        : `${name} must be a host name or address, maybe with a port (mail.example.com:587), or a list of these; found ${items.join(", ")}`;
    case "url":
      return typeof value === "string" && isHttpUrl(value)
        ? undefined
        : `${name} must be an http or https URL; found ${String(value)}`;
    case "flag":
      return typeof value === "boolean" ? undefined : `${name} must be true or false; found ${String(value)}`;
  }
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.username === "";
}
