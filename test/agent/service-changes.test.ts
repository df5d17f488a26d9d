import t from "tap";
import type { ListenerException } from "../../agent/listeners.ts";
import { serviceChanges } from "../../agent/service-changes.ts";

const held = (port: number, parts: Partial<ListenerException> = {}): ListenerException => {
  return {
    transport: "tcp",
    address: "10.0.0.1",
    port,
    state: "occupied",
    owner: "java (pid 812)",
    ...parts,
  };
};
const changes = (before: ListenerException[], after: ListenerException[]): string[] =>
  serviceChanges({ bound: 0, exceptions: before }, { bound: 0, exceptions: after });

t.test("services that came and went are told, with their process, and nothing else is", async (t) => {
  const ports = [9_001, 9_002, 9_003, 9_004, 9_005];
  const table: [before: ListenerException[], after: ListenerException[], lines: string[]][] = [
    [[], [], []],
    [[held(9_000)], [held(9_000)], []],
    [[], [held(9_000)], ["found a service on tcp/9000: java (pid 812)"]],
    [[held(9_000)], [], ["found no service any more on tcp/9000"]],
    [[held(9_000)], [held(9_000, { state: "absent" })], ["found no service any more on tcp/9000"]],
    [[held(9_000)], [held(9_000, { owner: "java (pid 9)" })], ["found a service on tcp/9000: java (pid 9)"]],
    [[], [held(9_000, { state: "denied" }), held(9_001, { state: "absent" })], []],
    [
      [held(9_000)],
      ports.map((port) => held(port)),
      [
        "found a service on tcp/9001: java (pid 812), tcp/9002: java (pid 812), tcp/9003: java (pid 812), and 2 more",
        "found no service any more on tcp/9000",
      ],
    ],
  ];
  for (const [before, after, lines] of table) t.strictSame(changes(before, after), lines);
  const nobody: ListenerException = { transport: "udp", address: "10.0.0.1", port: 53, state: "occupied" };
  t.strictSame(changes([], [nobody]), ["found a service on udp/53: another process"]);
});
