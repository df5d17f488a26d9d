/** Ping as the system has it, and what it means that there is none. */
import { chmodSync } from "node:fs";
import t from "tap";
import { ping } from "../../../agent/endpoints/ping.ts";
import { orderFor, visit } from "../../helpers/visiting.ts";

const never = new AbortController().signal;

t.test("a host that answers is open, with its round trip", async (t) => {
  for (const address of ["127.0.0.1", "::1"]) {
    const outcome = await ping(address, 2_000, never);
    t.match(outcome, { kind: "open", phase: "answer", attempts: 1 });
    t.type(outcome.rttMs, "number");
  }
  const order = orderFor(0, { transport: "icmp", ports: "", application: "icmp", security: "none" });
  t.match(await visit(order), {
    attempts: [{ address: "127.0.0.1", port: 0, kind: "open", exchange: undefined }],
  });
});

t.test("without the command the package is named", async (t) => {
  const path = process.env["PATH"];
  t.teardown(() => (process.env["PATH"] = path));
  process.env["PATH"] = t.testdir({});
  t.match(await ping("127.0.0.1", 1_000, never), {
    kind: "local-error",
    code: "ENOENT",
    detail: /install the package iputils-ping/,
  });
});

t.test("each answer of the command has its meaning", async (t) => {
  const path = process.env["PATH"];
  t.teardown(() => (process.env["PATH"] = path));
  // The words of iputils 20221126 in each case, as it was run in a namespace with such routes and filters.
  const cases = [
    ["exit 1", { kind: "silent", attempts: 2 }],
    [
      "echo 'From 10.0.0.1 icmp_seq=1 Destination Host Prohibited'; exit 1",
      { kind: "unreachable", detail: /Host Prohibited/ },
    ],
    ["echo 'From 10.0.0.1 icmp_seq=1 Packet filtered'; exit 1", { kind: "unreachable" }],
    [
      "echo 'ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules' >&2; exit 2",
      { kind: "local-error", code: "EACCES" },
    ],
    ["echo 'ping: connect: No route to host' >&2; exit 2", { kind: "local-error", code: "EHOSTUNREACH" }],
    [
      "echo 'ping: connect: Network is unreachable' >&2; exit 2",
      { kind: "local-error", code: "ENETUNREACH" },
    ],
    [
      "echo 'ping: connect: Cannot assign requested address' >&2; exit 2",
      { kind: "local-error", code: "EADDRNOTAVAIL" },
    ],
    ["echo 'ping: sendmsg: Operation not permitted' >&2; exit 1", { kind: "local-error", code: "EPERM" }],
    ["echo 'ping: what?' >&2; exit 2", { kind: "local-error", code: "PING_2", detail: "ping: what?" }],
    ["exec sleep 60", { kind: "silent" }],
  ] as const;
  for (const [script, pattern] of cases) {
    const folder = t.testdir({ ping: `#!/bin/sh\n${script}\n` });
    chmodSync(`${folder}/ping`, 0o755);
    process.env["PATH"] = `${folder}:${path}`;
    t.match(await ping("192.0.2.1", 800, never), pattern, script);
  }
});

t.test("the end of an inspection ends the command", async (t) => {
  const over = new AbortController();
  const folder = t.testdir({ ping: "#!/bin/sh\nexec sleep 600\n" });
  chmodSync(`${folder}/ping`, 0o755);
  const path = process.env["PATH"];
  t.teardown(() => (process.env["PATH"] = path));
  process.env["PATH"] = `${folder}:${path}`;
  const pinging = ping("192.0.2.1", 3_600_000, over.signal);
  over.abort();
  t.ok(await pinging);
});
