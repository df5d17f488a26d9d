/** Holds the given TCP ports on 127.78.3.1 for a moment and prints the report: for tests under other limits. */
import { Listeners } from "../../agent/listeners.ts";
import { parsePorts } from "../../shared/ports.ts";
import { createFixture } from "./agent-fixtures.ts";

using fixture = await createFixture();
await using listeners = new Listeners(await fixture.listening(1, "one"));
const ports = parsePorts(process.argv.slice(2));
if (typeof ports === "string") throw new Error(ports);
process.stdout.write(
  JSON.stringify(await listeners.reconcile([{ transport: "tcp", address: "127.78.3.1", ports }])),
);
