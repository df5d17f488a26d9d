/**
 * Work on a thread of its own, asked for by name: neither a query nor a disk that takes its time may hold up the event
 * loop of the coordinator.
 */
import { parentPort, Worker } from "node:worker_threads";
import { detailOf, troubleOf, type Trouble } from "./disk-trouble.ts";
import { PortmeshError } from "../../shared/errors.ts";

/** Functions by name; arguments and results are what structured clone takes. */
type Methods = Record<keyof never, (...parameters: never[]) => unknown>;

interface Request {
  id: number;
  method: string;
  parameters: unknown[];
}
type Answer = { id: number } & (
  | { value: unknown; error?: undefined }
  | { error: { trouble: Trouble; message: string; refusal?: { next: string | undefined } } }
);

/** What went wrong on the thread. */
export class ThreadError extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble, message: string) {
    super(message);
    this.trouble = trouble;
  }
}

export class Thread<M extends { [Name in keyof M]: (...parameters: never[]) => unknown }> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly #exited: Promise<void>;
  #next = 1;
  #isOver = false;

  /** @param name of the file beside this one, without its extension. */
  constructor(name: string, data: unknown) {
    // The published form is JavaScript.
    const extension = import.meta.filename.endsWith(".ts") ? "ts" : "js";
    // What the process was started with, such as the hooks of a test runner, is not for it, and slow to load.
    this.#worker = new Worker(new URL(`./${name}.${extension}`, import.meta.url), {
      workerData: data,
      execArgv: [],
    });
    this.#worker.on("message", (answer: Answer) => this.#settle(answer));
    this.#exited = new Promise((resolve) => {
      this.#worker.on("error", (error) => this.#fail(error instanceof Error ? error.message : String(error)));
      this.#worker.on("exit", () => {
        this.#fail("its thread has ended");
        resolve();
      });
    });
  }

  /** @throws ThreadError, or the PortmeshError that was thrown there. */
  call<Name extends keyof M & string>(
    method: Name,
    ...parameters: Parameters<M[Name]>
  ): Promise<Awaited<ReturnType<M[Name]>>> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(new ThreadError("defect", "the journal is closed"));
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, parameters } satisfies Request, []);
    });
  }

  /** After what was asked before has been done. */
  async close(): Promise<void> {
    if (!this.#isOver) this.#worker.postMessage({ id: 0, method: "", parameters: [] } satisfies Request, []);
    await this.#exited;
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.error === undefined) return waiting?.resolve(answer.value as never);
    const { trouble, message, refusal } = answer.error;
    waiting?.reject(
      refusal === undefined
        ? new ThreadError(trouble, message)
        : new PortmeshError("cannot-run", message, refusal.next === undefined ? {} : { next: refusal.next }),
    );
  }

  #fail(message: string): void {
    this.#isOver = true;
    for (const { reject } of this.#waiting.values()) reject(new ThreadError("defect", message));
    this.#waiting.clear();
  }
}

/** The other end: one after the other, until it is closed. */
export function serve(methods: Methods, close: () => void): void {
  const port = parentPort!;
  port.on("message", ({ id, method, parameters }: Request) => {
    if (method === "") {
      try {
        close();
      } finally {
        port.close();
      }
      return;
    }
    try {
      const value = (methods[method] as (...all: unknown[]) => unknown)(...parameters);
      port.postMessage({ id, value } satisfies Answer);
    } catch (error) {
      const refusal = error instanceof PortmeshError ? { refusal: { next: error.next } } : {};
      const message = error instanceof PortmeshError ? error.message : detailOf(error);
      port.postMessage({ id, error: { trouble: troubleOf(error), message, ...refusal } } satisfies Answer);
    }
  });
}
