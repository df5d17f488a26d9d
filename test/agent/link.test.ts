/** The first thing an agent says is a secret: only the coordinator of the join string may hear it. */
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import t, { type Test } from "tap";
import { Link } from "../../agent/link.ts";
import { Authority } from "../../coordinator/authority.ts";
import { createKeyPair } from "../../shared/key-pair.ts";
import { certificateName, coordinatorName } from "../../shared/link.ts";

/** A TLS server with a certificate of `authority` for `name`; resolves with what it was told. */
async function impostor(
  t: Test,
  authority: Authority,
  name: string,
): Promise<{ address: string; heard: () => number }> {
  const { publicKey, privateKey } = createKeyPair();
  const cert = (await authority.certify(publicKey, name, new Date())) + authority.certificatePem;
  let bytes = 0;
  const server = createServer({ cert, key: privateKey }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, heard: () => bytes };
}

async function refusal(address: string, pin: string): Promise<string> {
  const join = { cluster: "t", addresses: [address], pin, token: "secret" };
  const link = Link.open(
    join,
    () => {},
    () => 0,
    AbortSignal.timeout(5_000),
  );
  return link.then(
    () => "joined",
    (error: Error) => error.message,
  );
}

t.test("another authority is refused before a byte is sent", async (t) => {
  const [right, wrong] = await Promise.all([Authority.create(new Date()), Authority.create(new Date())]);
  const { address, heard } = await impostor(t, wrong, coordinatorName);
  t.match(await refusal(address, right.pin), /its key does not match the pin/);
  t.equal(heard(), 0);
});

t.test("a node of the same run cannot pose as the coordinator", async (t) => {
  const authority = await Authority.create(new Date());
  const { address, heard } = await impostor(t, authority, certificateName("n1"));
  t.match(await refusal(address, authority.pin), /its certificate is not the coordinator's/);
  t.equal(heard(), 0);
});

t.test("a right certificate in front of a wrong chain is refused", async (t) => {
  const [right, wrong] = await Promise.all([Authority.create(new Date()), Authority.create(new Date())]);
  const forged = Object.create(wrong, { certificatePem: { value: right.certificatePem } }) as Authority;
  const certify = wrong.certify.bind(wrong);
  Object.defineProperty(forged, "certify", { value: certify });
  const { address, heard } = await impostor(t, forged, coordinatorName);
  t.match(await refusal(address, right.pin), /is not the one of the join string/);
  t.equal(heard(), 0);
});
