/** Ctrl-C once asks for an orderly end, twice ends at once. */
export interface Interrupt extends Disposable {
  signal: AbortSignal;
  /** 130 or 143 once interrupted. */
  exitCode: number | undefined;
}

/** An orderly end that takes longer than this has gone wrong. */
const graceMs = 10_000;

export function interruptible(): Interrupt {
  const controller = new AbortController();
  const interrupt: Interrupt = {
    signal: controller.signal,
    exitCode: undefined,
    [Symbol.dispose]() {
      process.off("SIGINT", onInt);
      process.off("SIGTERM", onTerm);
    },
  };
  const end = (code: number): void => {
    if (interrupt.exitCode !== undefined) process.exit(code);
    interrupt.exitCode = code;
    setTimeout(() => process.exit(code), graceMs).unref();
    controller.abort();
  };
  const onInt = (): void => end(130);
  const onTerm = (): void => end(143);
  process.on("SIGINT", onInt);
  process.on("SIGTERM", onTerm);
  return interrupt;
}
