/**
 * Server-sent events (WHATWG HTML, 9.2.6) from a stream of text. The browser's own EventSource cannot send a bearer
 * token, so that the page reads the stream itself.
 */
export interface StreamEvent {
  event: string;
  data: string;
}

/** Longer than any message of ours: what is not ended by then is no event stream. */
const maxBuffered = 8 * 1024 * 1024;

export class EventStreamParser {
  #rest = "";
  #event = "";
  #data: string[] = [];

  /** @throws Error where a line does not end. */
  feed(chunk: string): StreamEvent[] {
    this.#rest += chunk;
    if (this.#rest.length > maxBuffered) throw new Error("an event of the coordinator does not end");
    const found: StreamEvent[] = [];
    // A carriage return at the end of a chunk may be half of the end of a line.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0)
          found.push({ event: this.#event || "message", data: this.#data.join("\n") });
        this.#event = "";
        this.#data = [];
      } else this.#field(line);
    }
    return found;
  }

  #field(line: string): void {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line)!;
    if (name === "event") this.#event = value!;
    else if (name === "data") this.#data.push(value!);
  }
}
