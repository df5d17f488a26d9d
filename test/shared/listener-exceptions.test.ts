/** What is said of ports that are not bound has to fit into a frame, however many they are. */
import t from "tap";
import { Check } from "typebox/value";
import { eachException, groupExceptions } from "../../shared/listener-exceptions.ts";
import { maxFrameBytes } from "../../shared/link.ts";
import { ListeningSchema, type ListenerException } from "../../shared/wire.ts";

const at = { transport: "tcp", address: "10.0.0.1" } as const;
const owner = "a-process-with-a-rather-long-name (pid 4194304)";
const detail =
  "this user may not bind this port: run the agent as root, or give it CAP_NET_BIND_SERVICE".padEnd(200);
/** The worst of it: no port has the same to say as its neighbours. */
const many = Array.from({ length: 60_000 }, (_, index): ListenerException => {
  const port = index + 1;
  return index % 2 === 0
    ? { ...at, port, state: "occupied", owner }
    : { ...at, port, state: "denied", detail, left: false };
});

t.test("60,000 exceptions fit into a frame, and none is lost", async (t) => {
  const exceptions = groupExceptions(many);
  const frame = { type: "listening", round: 1, bound: 0, elapsedMs: 1, exceptions };
  t.ok(Check(ListeningSchema, frame));
  const bytes = Buffer.byteLength(JSON.stringify(frame));
  t.ok(bytes < maxFrameBytes / 4, `${bytes} bytes`);
  const back = eachException(exceptions, many.length)!;
  t.strictSame(
    back.toSorted((a, b) => a.port - b.port),
    many,
  );
});

t.test("ports of which not the same is said stay apart", async (t) => {
  const cases: ListenerException[] = [
    { ...at, port: 1, state: "occupied" },
    { ...at, port: 2, state: "absent" },
    { ...at, port: 3, state: "occupied", owner },
    { ...at, port: 4, state: "occupied", detail },
    { ...at, port: 5, state: "absent", left: true },
    { ...at, port: 6, state: "absent", address: "10.0.0.2" },
    { ...at, port: 7, state: "absent", transport: "udp" },
  ];
  const exceptions = groupExceptions(cases);
  t.equal(exceptions.length, cases.length);
  t.strictSame(eachException(exceptions, cases.length), cases);
});

t.test("a few bytes do not become more ports than there may be", async (t) => {
  const group = { ...at, state: "absent", ports: "1-65535" } as const;
  t.equal(eachException([group], 65_535)?.length, 65_535);
  t.equal(eachException([group], 65_534), undefined);
  t.equal(
    eachException(
      Array.from({ length: 50_000 }, () => group),
      65_535,
    ),
    undefined,
  );
  t.equal(eachException([{ ...group, ports: "none" }], 65_535), undefined);
});
