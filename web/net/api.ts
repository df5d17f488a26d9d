/** Questions to the coordinator's API. The bearer token, where one is asked for, lives as long as the tab. */
import { signal } from "@preact/signals";
import type { Problem } from "../../shared/api.ts";

const base = "/api/v1";
const stored = "portmesh-token";
/** An answer that takes longer is none. */
const timeoutMs = 20_000;

/** Whether the API wants a token that the page does not have. */
export const isTokenWanted = signal(false);
/** Whether one was tried, and is not right. */
export const isTokenRefused = signal(false);

export class ApiProblem extends Error {
  readonly status: number;

  constructor(status: number, { message, next }: Problem) {
    super(next === undefined ? message : `${message}. ${next}`);
    this.status = status;
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** @throws ApiProblem where the API says no, TypeError where it cannot be reached. */
export async function getJson<Answer>(path: string, query: Query = {}, until?: AbortSignal): Promise<Answer> {
  const response = await ask(path, query, "application/json", withDeadline(until));
  return (await response.json()) as Answer;
}

export async function getBytes(
  path: string,
  query: Query = {},
  until?: AbortSignal,
): Promise<{ bytes: Uint8Array; headers: Headers }> {
  const response = await ask(path, query, "application/octet-stream", withDeadline(until));
  return { bytes: new Uint8Array(await response.arrayBuffer()), headers: response.headers };
}

/** Without a deadline: it goes on until it is aborted. */
export async function getStream(
  path: string,
  until: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { body } = await ask(path, {}, "text/event-stream", until);
  return body!;
}

export function setToken(token: string): void {
  sessionStorage.setItem(stored, token);
  isTokenWanted.value = false;
}

async function ask(path: string, query: Query, accept: string, until: AbortSignal): Promise<Response> {
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]])),
  ).toString();
  const token = sessionStorage.getItem(stored);
  const response = await fetch(`${base}${path}${search === "" ? "" : `?${search}`}`, {
    headers: { accept, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    cache: "no-store",
    signal: until,
  });
  if (response.ok) return response;
  if (response.status === 401) {
    isTokenRefused.value = token !== null;
    isTokenWanted.value = true;
  }
  throw new ApiProblem(response.status, await problemOf(response));
}

/** What stands between may answer something else than the coordinator does. */
async function problemOf(response: Response): Promise<Problem> {
  const otherwise = { error: "unexpected", message: `the coordinator answered ${response.status}` };
  try {
    const problem = (await response.json()) as Partial<Problem>;
    return typeof problem.message === "string" ? { ...otherwise, ...problem } : otherwise;
  } catch {
    return otherwise;
  }
}

function withDeadline(until: AbortSignal | undefined): AbortSignal {
  const deadline = AbortSignal.timeout(timeoutMs);
  return until === undefined ? deadline : AbortSignal.any([until, deadline]);
}
