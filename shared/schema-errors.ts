/**
 * Turns schema violations into sentences that name the allowed values. TypeBox reports a union as the
 * failure of every member; a schema that carries `expects(…)` replaces that noise by one sentence.
 */
import type { TSchema } from "typebox";
import { Settings } from "typebox/system";
import { Errors } from "typebox/value";

// One answer must name every mistake of a file; the library stops at eight unless told otherwise.
Settings.Set({ maxErrors: 1_000 });

const keyword = "x-expects";

/** Annotates a schema with what a valid value looks like: `a port from 1 to 65535, or …`. */
export function expects(sentence: string): Record<string, string> {
  return { [keyword]: sentence };
}

export interface Violation {
  pointer: string;
  message: string;
  /** True where the pointer names a key that must not be there: point at the key, not at its value. */
  atKey: boolean;
}

interface RawError {
  keyword: string;
  schemaPath: string;
  instancePath: string;
  message: string;
  params: Record<string, unknown>;
}

export function violationsOf(schema: TSchema, value: unknown): Violation[] {
  const raw = Errors(schema, value) as unknown as RawError[];
  const annotated = new Map<string, string>();
  for (const error of raw) {
    const annotation = annotationAbove(schema, error.schemaPath);
    if (annotation !== undefined)
      annotated.set(ancestor(error.instancePath, annotation.below), annotation.sentence);
  }
  const violations = new Map<string, Violation>();
  for (const [pointer, sentence] of annotated) {
    // A list is wrong because of an item of it: the item says so more exactly.
    if ([...annotated.keys()].some((other) => other.startsWith(`${pointer}/`))) continue;
    const message = `must be ${sentence}; found ${show(valueAt(value, pointer))}`;
    violations.set(pointer, { pointer, message, atKey: false });
  }
  for (const error of raw) {
    if (annotationAbove(schema, error.schemaPath) !== undefined) continue;
    for (const violation of translate(schema, error, value)) {
      const key = `${violation.pointer} ${violation.message}`;
      if (!violations.has(key)) violations.set(key, violation);
    }
  }
  return [...violations.values()];
}

function translate(schema: TSchema, error: RawError, root: unknown): Violation[] {
  const { params, instancePath } = error;
  const at = (message: string): Violation[] => [{ pointer: instancePath, message, atKey: false }];
  const found = show(valueAt(root, instancePath));
  switch (error.keyword) {
    case "boolean": // said again, with the name of the key, by additionalProperties
      return [];
    case "additionalProperties": {
      const allowed = Object.keys(
        (resolve(schema, error.schemaPath) as { properties?: object })?.properties ?? {},
      );
      return (params["additionalProperties"] as string[]).map((name) => ({
        pointer: `${instancePath}/${escapePointer(name)}`,
        message: `unknown field ${JSON.stringify(name)}${suggest(name, allowed)}`,
        atKey: true,
      }));
    }
    case "required":
      return (params["requiredProperties"] as string[]).map((name) => ({
        pointer: instancePath,
        message: `missing field ${JSON.stringify(name)}`,
        atKey: false,
      }));
    case "enum":
      return at(`must be one of ${(params["allowedValues"] as unknown[]).join(", ")}; found ${found}`);
    case "const":
      return at(`must be ${show(params["allowedValue"])}; found ${found}`);
    case "type":
      return at(`must be ${article(String(params["type"]))}; found ${found}`);
    case "minimum":
    case "maximum":
      return at(`must be ${String(params["comparison"])} ${String(params["limit"])}; found ${found}`);
    default:
      return at(`${error.message}; found ${found}`);
  }
}

/** Names the likely intended field, else all of the allowed ones. */
function suggest(name: string, allowed: readonly string[]): string {
  const near = allowed.find((candidate) => distance(candidate.toLowerCase(), name.toLowerCase()) <= 2);
  if (near !== undefined) return `, did you mean ${JSON.stringify(near)}?`;
  return allowed.length === 0 ? "" : `; allowed: ${allowed.join(", ")}`;
}

/** Levenshtein distance; the words compared here are a dozen letters long. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The innermost annotated schema on the way to `schemaPath`, and how many instance levels lie below it. */
function annotationAbove(
  schema: TSchema,
  schemaPath: string,
): { sentence: string; below: number } | undefined {
  const steps = schemaPath.split("/").slice(1);
  let found: { sentence: string; below: number } | undefined;
  let node: unknown = schema;
  for (let index = 0; index <= steps.length; index++) {
    const sentence = (node as Record<string, unknown> | undefined)?.[keyword];
    if (typeof sentence === "string") found = { sentence, below: instanceLevels(steps.slice(index)) };
    if (index < steps.length) node = (node as Record<string, unknown> | undefined)?.[steps[index]!];
  }
  return found;
}

/** How many steps of a schema path also step into the instance. */
function instanceLevels(steps: readonly string[]): number {
  let levels = 0;
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index]!;
    if (step === "properties" || step === "patternProperties") {
      levels++;
      index++;
    } else if (step === "items") levels++;
    else if (step === "anyOf" || step === "allOf" || step === "oneOf") index++;
  }
  return levels;
}

function resolve(schema: TSchema, schemaPath: string): unknown {
  let node: unknown = schema;
  for (const step of schemaPath.split("/").slice(1))
    node = (node as Record<string, unknown> | undefined)?.[step];
  return node;
}

function ancestor(pointer: string, levels: number): string {
  return levels === 0 ? pointer : pointer.split("/").slice(0, -levels).join("/");
}

export function pointerSteps(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function escapePointer(step: string): string {
  return step.replaceAll("~", "~0").replaceAll("/", "~1");
}

function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const step of pointerSteps(pointer)) value = (value as Record<string, unknown> | undefined)?.[step];
  return value;
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (value !== null && typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function article(type: string): string {
  const names: Record<string, string> = {
    object: "a map",
    array: "a list",
    string: "text",
    integer: "a whole number",
  };
  return names[type] ?? `a ${type}`;
}
