/** What is wrong with a request, as it is told: never a stack, a path of this machine or a query. */
import type { FastifyInstance } from "fastify";
import { ProblemSchema, type Problem } from "../../shared/api.ts";
import { PortmeshError } from "../../shared/errors.ts";

export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, error: string, message: string, next?: string) {
    super(message);
    this.status = status;
    this.problem = { error, message, ...(next === undefined ? {} : { next }) };
  }
}

export function notFound(what: string, known: readonly string[] = []): ApiError {
  const some = known.slice(0, 20).join(", ");
  const more = known.length > 20 ? ` and ${known.length - 20} more` : "";
  return new ApiError(
    404,
    "not-found",
    `there is no ${what}`,
    known.length === 0 ? undefined : `There are ${some}${more}.`,
  );
}

/** Every route answers like that where something is wrong, and its description says so. */
export function tellProblems(api: FastifyInstance): void {
  api.addHook("onRoute", ({ schema }) => {
    if (schema === undefined || schema.hide === true) return;
    const answers = (schema.response ??= {}) as Record<string, unknown>;
    answers["4XX"] ??= { description: "What is wrong with the request.", ...ProblemSchema };
    answers["5XX"] ??= { description: "Why it cannot be answered now.", ...ProblemSchema };
  });
}

interface KnownError {
  statusCode?: number;
  /** As ajv has them. */
  validation?: { params?: { allowedValues?: readonly unknown[]; additionalProperty?: string } }[];
  message: string;
}

/** Ajv says what is wrong, and not what would be right. */
function detailOf({ validation }: KnownError): string {
  const { allowedValues, additionalProperty } = validation?.[0]?.params ?? {};
  if (allowedValues !== undefined) return `: ${allowedValues.join(", ")}`;
  if (additionalProperty !== undefined) return `: ${additionalProperty.slice(0, 100)}`;
  return "";
}

export function asProblem(error: unknown): { status: number; problem: Problem } {
  if (error instanceof ApiError) return { status: error.status, problem: error.problem };
  if (error instanceof PortmeshError)
    return {
      status: 503,
      problem: {
        error: error.code,
        message: error.message,
        ...(error.next === undefined ? {} : { next: error.next }),
      },
    };
  const { statusCode = 500, message } = error as KnownError;
  if (statusCode >= 400 && statusCode < 500)
    return {
      status: statusCode,
      problem: {
        error: "bad-request",
        message: `${message}${detailOf(error as KnownError)}`,
        next: "GET /api/v1/openapi.json says what may be asked.",
      },
    };
  return {
    status: 500,
    problem: {
      error: "defect",
      message: "the coordinator failed at this request",
      next: "See its log, and report it.",
    },
  };
}
