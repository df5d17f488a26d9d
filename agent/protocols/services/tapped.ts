/** A stream whose incoming bytes somebody else gets to see, too: what TLS reads is otherwise told to nobody. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Errors of `raw` stay with `raw`; its end and its close are passed on. */
export function tapped(raw: Socket, tap: (chunk: Buffer) => void): Duplex {
  const stream = new Duplex({
    read: () => void raw.resume(),
    write: (chunk: Buffer, _encoding, done) => void raw.write(chunk, done),
    final: (done) => void raw.end(done),
    destroy(error, done) {
      raw.destroy();
      done(error);
    },
  });
  raw.on("data", (chunk: Buffer) => {
    tap(chunk);
    if (!stream.push(chunk)) raw.pause();
  });
  raw.once("end", () => stream.push(null));
  raw.once("close", () => stream.destroy());
  return stream;
}
