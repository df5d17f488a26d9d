/**
 * Errors that a person reads. Each says what was attempted, where, and what to do next; the code comes
 * from a closed list so that scripts and documentation can refer to it. Bugs are ordinary `Error`s.
 */

const exitByCode = {
  usage: 2,
  "invalid-input": 2,
  "cannot-run": 1,
  "join-refused": 1,
  "wrong-coordinator": 1,
  "policy-refused": 1,
} as const satisfies Record<string, number>;
export type ErrorCode = keyof typeof exitByCode;

export class PortmeshError extends Error {
  readonly code: ErrorCode;
  /** What the reader can do about it, as a sentence. */
  readonly next: string | undefined;

  constructor(code: ErrorCode, message: string, options: { next?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PortmeshError";
    this.code = code;
    this.next = options.next;
  }

  /** The exit code documented in `portmesh help exit-codes`. */
  get exitCode(): number {
    return exitByCode[this.code];
  }
}

/** One mistake in an input file. Line and column count from 1. */
export interface Problem {
  file: string;
  line: number;
  column: number;
  /** JSON pointer of the value in question. */
  pointer: string;
  message: string;
}

/** Thrown once for a file with all the mistakes that were found in it. */
export class InvalidInputError extends PortmeshError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super("invalid-input", problems.map(formatProblem).join("\n"));
    this.name = "InvalidInputError";
    this.problems = problems;
  }
}

function formatProblem(problem: Problem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`;
  return problem.pointer === ""
    ? `${where}: ${problem.message}`
    : `${where}: ${problem.pointer}: ${problem.message}`;
}

/** The message of anything that was thrown, with the codes of its causes. What says of its cause already is not followed. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map(describeError).join("; ");
  // The codes of our own errors are for exit codes.
  const code = error instanceof PortmeshError ? undefined : codeOf(error);
  const text =
    code !== undefined && !error.message.includes(code) ? `${error.message} (${code})` : error.message;
  if (!(error.cause instanceof Error)) return text;
  const why = codeOf(error.cause);
  return why !== undefined && text.includes(why) ? text : `${text}: ${describeError(error.cause)}`;
}

function codeOf(error: Error): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
