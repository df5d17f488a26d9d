/** Collects reports of endpoints into frames: one with many certificates is as long as hundreds without. */
import type { EndpointReport } from "../../shared/endpoint-report.ts";
import { maxFrameBytes, maxResultsPerFrame } from "../../shared/link.ts";

/** One report more, however long, still fits into a frame. */
const enoughBytes = maxFrameBytes / 16;

export class ReportBatch {
  readonly #send: (reports: EndpointReport[]) => void;
  #reports: EndpointReport[] = [];
  #bytes = 0;

  constructor(send: (reports: EndpointReport[]) => void) {
    this.#send = send;
  }

  add(report: EndpointReport): void {
    this.#reports.push(report);
    // ASCII, as all text from the network is by now.
    this.#bytes += JSON.stringify(report).length;
    if (this.#bytes >= enoughBytes || this.#reports.length >= maxResultsPerFrame) this.flush();
  }

  flush(): void {
    if (this.#reports.length === 0) return;
    this.#send(this.#reports);
    this.#reports = [];
    this.#bytes = 0;
  }
}
