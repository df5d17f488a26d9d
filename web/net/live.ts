/** The live feed: read for as long as the page is open, and taken up again when it breaks. */
import type { LiveEvents } from "../../shared/api.ts";
import { EventStreamParser } from "../model/event-stream.ts";
import { ApiProblem, getStream, isTokenWanted } from "./api.ts";

export interface LiveHandlers {
  /** Events are on their way again: whatever is shown may be old. */
  onOpen: () => void;
  onEvent: <Name extends keyof LiveEvents>(name: Name, data: LiveEvents[Name]) => void;
  onLost: () => void;
}

const firstRetryMs = 500;
const lastRetryMs = 10_000;
/** The coordinator says something at least every 15 s. */
const silenceMs = 40_000;

export async function followEvents(handlers: LiveHandlers, signal: AbortSignal): Promise<void> {
  let waitMs = firstRetryMs;
  while (!signal.aborted) {
    try {
      await readOnce(handlers, signal, () => (waitMs = firstRetryMs));
    } catch (error) {
      // With a token it goes on: the prompt says so.
      if (error instanceof ApiProblem && error.status === 401) await tokenGiven();
    }
    handlers.onLost();
    await pause(waitMs, signal);
    waitMs = Math.min(waitMs * 2, lastRetryMs);
  }
}

async function readOnce(handlers: LiveHandlers, signal: AbortSignal, onRead: () => void): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  try {
    const stream = await getStream("/events", AbortSignal.any([signal, silence.signal]));
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventStreamParser();
    handlers.onOpen();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMs);
      onRead();
      for (const { event, data } of parser.feed(value))
        handlers.onEvent(event as keyof LiveEvents, JSON.parse(data) as LiveEvents[keyof LiveEvents]);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function tokenGiven(): Promise<void> {
  await new Promise<void>((resolve) => {
    const stop = isTokenWanted.subscribe((isWanted) => {
      if (!isWanted) queueMicrotask(() => (stop(), resolve()));
    });
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
