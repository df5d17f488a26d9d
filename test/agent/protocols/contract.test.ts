/** What every protocol must do. Walks the registry: a new protocol is tested without an edit here. */
import t from "tap";
import { Listeners } from "../../../agent/listeners.ts";
import { protocols } from "../../../agent/protocols/index.ts";
import type { ProbeTarget } from "../../../agent/protocols/protocol.ts";
import { certificateName } from "../../../shared/link.ts";
import { createFixture, freePort } from "../../helpers/agent-fixtures.ts";

const prober = 1;
const prover = 2;

for (const protocol of Object.values(protocols)) {
  for (const address of ["127.0.0.1", "::1"]) {
    t.test(`${protocol.name} over ${address}`, async (t) => {
      using fixture = await createFixture();
      const port = await freePort(address);
      await using listeners = new Listeners(await fixture.listening(prover, "prover"));
      const report = await listeners.reconcile([
        { transport: protocol.transport, address, ports: [[port, port]] },
      ]);
      t.strictSame(report, { bound: 1, exceptions: [] });
      const target: ProbeTarget = {
        from: prober,
        to: prover,
        address,
        port,
        serverName: certificateName("prover"),
      };

      await t.test("a listener proves its node, its port and the source it saw", async (t) => {
        const context = await fixture.probing("prober");
        const outcome = await protocol.probe(target, context);
        t.equal(outcome.kind, "open");
        t.match(outcome.proof, { node: prover, port, clientVerified: protocol.name === "mtls" });
        t.ok(outcome.proof!.seenAddress.endsWith(address), `saw ${outcome.proof!.seenAddress}`);
        t.ok(outcome.rttMs! > 0 && outcome.rttMs! <= outcome.elapsedMs);
        t.equal(context.open.size, 0, "nothing is left open");
      });

      await t.test("a listener of another epoch proves nothing", async (t) => {
        using other = await createFixture();
        const outcome = await protocol.probe(target, {
          ...(await fixture.probing("prober", 700)),
          epoch: other.epoch,
        });
        t.not(outcome.kind, "open");
        t.equal(outcome.proof, undefined);
      });

      await t.test("a port that nobody holds is refused", async (t) => {
        const outcome = await protocol.probe(
          { ...target, port: await freePort(address) },
          await fixture.probing("prober"),
        );
        t.equal(outcome.kind, "refused");
        t.equal(outcome.code, "ECONNREFUSED");
      });

      await t.test("many probes at once all get their own answer", async (t) => {
        const context = await fixture.probing("prober", 4_000);
        const outcomes = await Promise.all(Array.from({ length: 50 }, () => protocol.probe(target, context)));
        t.ok(outcomes.every(({ kind }) => kind === "open"));
      });
    });
  }
}
