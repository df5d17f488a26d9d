/**
 * Reads a YAML (or JSON) file into a checked value and keeps where each value stands, so that every
 * mistake, also one found long after parsing, is reported with file, line and column.
 */
import type { Static, TSchema } from "typebox";
import {
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  type ErrorCode,
  type Node,
  type Pair,
} from "yaml";
import { InvalidInputError, type Problem } from "./errors.ts";
import { pointerSteps, violationsOf } from "./schema-errors.ts";

/** No spec or cluster file comes near; a bigger one is a mistake or an attack. */
const maxBytes = 1024 * 1024;
const maxProblems = 100;
const nestedTooDeeply = "is nested too deeply";

export interface SourceDocument<Value> {
  file: string;
  value: Value;
  /** A problem at the value (or, with `atKey`, the key) that `pointer` names. */
  problem(pointer: string, message: string, atKey?: boolean): Problem;
}

/**
 * Parses `text` and checks it against `schema`.
 * @throws InvalidInputError with every mistake of the file.
 */
export function readDocument<Schema extends TSchema>(
  schema: Schema,
  text: string,
  file: string,
): SourceDocument<Static<Schema>> {
  if (Buffer.byteLength(text) > maxBytes) {
    throw new InvalidInputError([
      { file, line: 1, column: 1, pointer: "", message: `is larger than ${maxBytes} bytes` },
    ]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\ufeff/, ""), {
    lineCounter: lines,
    uniqueKeys: true,
    merge: false,
    prettyErrors: false,
    resolveKnownTags: false,
  });
  const positionAt = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const syntax = [...document.errors, ...document.warnings].map((error): Problem => ({
    file,
    ...positionAt(error.pos[0]),
    pointer: "",
    message: syntaxMessage(error.code, error.message),
  }));
  const tooDeep = syntax.find(({ message }) => message === nestedTooDeeply);
  if (syntax.length > 0)
    throw new InvalidInputError(tooDeep === undefined ? syntax.slice(0, maxProblems) : [tooDeep]);
  const value = toValue(document, file);
  const problem = (pointer: string, message: string, atKey = false): Problem => ({
    file,
    ...positionAt(offsetOf(document, pointer, atKey)),
    pointer,
    message,
  });
  const violations = violationsOf(schema, value);
  if (violations.length > 0) {
    throw new InvalidInputError(
      inFileOrder(
        violations.map((violation) => problem(violation.pointer, violation.message, violation.atKey)),
      ),
    );
  }
  return { file, value: value as Static<Schema>, problem };
}

/** @throws InvalidInputError where there are problems; returns where there are none. */
export function throwProblems(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new InvalidInputError(inFileOrder(problems));
}

function inFileOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column).slice(0, maxProblems);
}

/** Aliases may not multiply a small file into a large value. */
function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const message = firstLine((error as Error).message);
    throw new InvalidInputError([{ file, line: 1, column: 1, pointer: "", message }]);
  }
}

/** The offset of what a pointer names, or of the nearest enclosing value that exists. */
function offsetOf(document: Document, pointer: string, atKey: boolean): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  const steps = pointerSteps(pointer);
  for (const [index, step] of steps.entries()) {
    const pair: Pair | undefined = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === step)
      : undefined;
    if (pair !== undefined && atKey && index === steps.length - 1)
      return (pair.key as Node).range?.[0] ?? offset;
    const child = (pair?.value ?? childOf(node, step)) as Node | null | undefined;
    if (child === null || child === undefined) return (pair?.key as Node | undefined)?.range?.[0] ?? offset;
    node = child;
    offset = node.range?.[0] ?? offset;
  }
  return offset;
}

function childOf(node: Node | null, step: string): unknown {
  const get = (node as { get?: (key: unknown, keepScalar: boolean) => unknown } | null)?.get;
  return get?.call(node, /^[0-9]+$/.test(step) ? Number(step) : step, true);
}

/** The library's words, but where they speak of its own code. */
function syntaxMessage(code: ErrorCode, message: string): string {
  if (message.startsWith("Maximum call stack")) return nestedTooDeeply;
  return code === "MULTIPLE_DOCS" ? "a second document begins here; one file holds one" : firstLine(message);
}

function firstLine(message: string): string {
  return message.split("\n")[0]!;
}
