import t from "tap";
import { leaseMs, Membership, type Member, type Refusal } from "../../coordinator/membership.ts";
import { groupExceptions } from "../../shared/listener-exceptions.ts";
import { makePlan } from "../../shared/plan.ts";
import type { HelloMessage, ListeningMessage } from "../../shared/wire.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";

const token = "the-token-of-this-run";
const plan = makePlan(
  clusterOf(
    specOf({ flows: [flowOf("gossip", { ports: "9000-9003" })] }),
    nodesOf(["peer"], ["peer"], ["peer"]),
  ),
  "install",
);

const helloOf = (parts: Partial<HelloMessage> = {}): HelloMessage => ({
  type: "hello",
  node: "n1",
  version: "0.1.0",
  host: "host-1",
  pid: 812,
  publicKey: "pem",
  ...parts,
});
const listeningOf = (parts: Partial<ListeningMessage> = {}): ListeningMessage => ({
  type: "listening",
  round: 0,
  bound: 4,
  elapsedMs: 3,
  exceptions: [],
  ...parts,
});

/** A membership whose clock stands still until it is moved. */
function create(): {
  membership: Membership;
  clock: { ms: number };
  join: (parts?: Partial<HelloMessage>) => Member;
} {
  const clock = { ms: 1_000 };
  const membership = new Membership(plan, token, () => clock.ms);
  const join = (parts: Partial<HelloMessage> = {}): Member => {
    const answer = membership.admit(helloOf({ token, ...parts }));
    if ("code" in answer) throw new Error(answer.message);
    return answer;
  };
  return { membership, clock, join };
}

function refusalOf(answer: Member | Refusal): Refusal {
  if (!("code" in answer)) throw new Error(`node ${answer.node} was admitted`);
  return answer;
}

t.test("an agent with the token joins under the name of a node", async (t) => {
  const { membership, join } = create();
  t.strictSame(membership.missing, ["n1", "n2", "n3"]);
  const member = join({ node: "n2" });
  t.match(member, {
    node: 1,
    version: "0.1.0",
    host: "host-1",
    pid: 812,
    connected: true,
    listening: undefined,
  });
  t.match(member.session, /^[A-Za-z0-9_-]{32}$/);
  t.equal(membership.member(1), member);
});

t.test("without the token nobody joins, and nobody learns names", async (t) => {
  const { membership, join } = create();
  const { session } = join({ node: "n2" });
  const wrong: Partial<HelloMessage>[] = [
    {},
    { token: "" },
    { token: `${token}x` },
    { token: token.slice(0, -1) },
    { token: "The-token-of-this-run" },
    { session: "" },
    { session: token },
    { session },
    { node: "n9", token: "guess" },
    { node: "n9" },
    { node: "n2", token: "guess" },
  ];
  for (const parts of wrong) {
    t.strictSame(
      membership.admit(helloOf(parts)),
      {
        code: "wrong-token",
        message: "the token or session is not valid for this run",
        next: "Use the join string of the coordinator that runs now.",
      },
      JSON.stringify(parts),
    );
  }
  t.strictSame(membership.member(0), undefined);
});

t.test("with the token a wrong name is told which there are", async (t) => {
  const { membership } = create();
  t.strictSame(membership.admit(helloOf({ node: "n9", token })), {
    code: "unknown-node",
    message: 'the cluster has no node "n9"; it has n1, n2, n3',
    next: "Start the agent with --name and one of these.",
  });
  const many = makePlan(
    clusterOf(specOf(), nodesOf(...Array.from({ length: 15 }, () => ["peer"]))),
    "install",
  );
  const refusal = refusalOf(new Membership(many, token, () => 0).admit(helloOf({ node: "n99", token })));
  t.match(refusal.message, /it has n1, n2, .*n12 and 3 more$/);
});

t.test("a name that is in use is not given away, and the refusal says to whom it belongs", async (t) => {
  const { membership, join } = create();
  join();
  t.strictSame(membership.admit(helloOf({ token, host: "host-2", pid: 9 })), {
    code: "name-in-use",
    message: "an agent on host-1 (pid 812) has already joined as n1 and is connected",
    next: "Stop that agent first, or give this one its own name; the name is free 15 s after the other is gone.",
  });
});

t.test("an agent that lost its link keeps its name for as long as its lease", async (t) => {
  const { membership, clock, join } = create();
  const member = join();
  clock.ms = 50_000;
  membership.lost(member, "close");
  t.ok(membership.isWithinLease(0));
  clock.ms += leaseMs - 1;
  t.ok(membership.isWithinLease(0));
  const refusal = refusalOf(membership.admit(helloOf({ token })));
  t.equal(refusal.code, "token-used");
  t.match(
    refusal.message,
    "an agent on host-1 (pid 812) has already joined as n1 and lost its link moments ago and may come back",
  );
  clock.ms += 1;
  t.notOk(membership.isWithinLease(0));
  const other = join({ host: "host-2" });
  t.not(other.session, member.session, "who takes the name over is somebody else");
});

t.test(
  "the same agent comes back by its session, while connected, within its lease and after it",
  async (t) => {
    const { membership, clock, join } = create();
    const first = join();
    const { session } = first;
    membership.reportListening(first, listeningOf());
    const again = membership.admit(helloOf({ session, pid: 813 }));
    t.match(
      again,
      { session, pid: 813, connected: true, listening: undefined },
      "and has to report its listeners anew",
    );
    membership.lost(again as Member, "close");
    clock.ms += leaseMs * 10;
    t.match(membership.admit(helloOf({ session })), { session, connected: true });
  },
);

t.test("a session is good for its own name only, and not after somebody else took it over", async (t) => {
  const { membership, clock, join } = create();
  const first = join({ node: "n1" });
  join({ node: "n2" });
  t.equal(refusalOf(membership.admit(helloOf({ node: "n2", session: first.session }))).code, "wrong-token");
  membership.lost(first, "close");
  clock.ms += leaseMs;
  join({ node: "n1" });
  t.equal(refusalOf(membership.admit(helloOf({ node: "n1", session: first.session }))).code, "wrong-token");
});

t.test("an agent that says goodbye frees its name at once", async (t) => {
  const { membership, join } = create();
  const member = join();
  membership.lost(member, "close");
  membership.left(member);
  t.notOk(membership.isWithinLease(0));
  t.equal(join({ host: "host-2" }).host, "host-2");
});

t.test("an agent that is turned away after it was admitted does not hold the name", async (t) => {
  const { membership, join } = create();
  membership.left(join());
  t.equal(join({ host: "host-2" }).host, "host-2");
});

t.test("the end of an old connection does not touch the one that replaced it", async (t) => {
  const { membership, join } = create();
  const old = join();
  const current = membership.admit(helloOf({ session: old.session })) as Member;
  membership.lost(old, "close");
  membership.left(old);
  t.ok(current.connected);
  t.ok(membership.isWithinLease(0));
  t.equal(membership.member(0), current);
});

t.test("a node is missing until its agent is connected and listens", async (t) => {
  const { membership, join } = create();
  const member = join();
  t.strictSame(membership.missing, ["n1", "n2", "n3"]);
  membership.reportListening(member, listeningOf());
  t.strictSame(membership.missing, ["n2", "n3"]);
  t.strictSame(membership.ready, [member]);
  membership.lost(member, "close");
  t.strictSame(membership.missing, ["n1", "n2", "n3"]);
  t.strictSame(membership.ready, []);
});

t.test("a node that nobody ever joined as has no lease", async (t) => {
  t.notOk(create().membership.isWithinLease(2));
});

t.test("what an agent holds is bound, but for the exceptions that it names", async (t) => {
  const { membership, join } = create();
  t.strictSame(membership.farEnd(0, "tcp", "10.0.0.1", 9_000), { agent: "missing", listener: undefined });
  const member = join();
  t.strictSame(
    membership.farEnd(0, "tcp", "10.0.0.1", 9_000),
    { agent: "missing", listener: undefined },
    "it has not said yet",
  );
  const occupied = {
    transport: "tcp",
    address: "10.0.0.1",
    port: 9_001,
    state: "occupied",
    owner: "java (pid 5)",
  } as const;
  const denied = {
    transport: "tcp",
    address: "10.0.0.1",
    port: 9_002,
    state: "denied",
    detail: "EACCES",
  } as const;
  const absent = { transport: "udp", address: "10.0.0.1", port: 9_003, state: "absent" } as const;
  membership.reportListening(
    member,
    listeningOf({ bound: 1, exceptions: groupExceptions([occupied, denied, absent]) }),
  );
  t.strictSame(membership.farEnd(0, "tcp", "10.0.0.1", 9_000), { agent: "alive", listener: "bound" });
  t.strictSame(membership.farEnd(0, "tcp", "10.0.0.1", 9_001), {
    agent: "alive",
    listener: "occupied",
    exception: occupied,
  });
  t.strictSame(membership.farEnd(0, "tcp", "10.0.0.1", 9_002), {
    agent: "alive",
    listener: "denied",
    exception: denied,
  });
  t.strictSame(membership.farEnd(0, "udp", "10.0.0.1", 9_003), {
    agent: "alive",
    listener: "absent",
    exception: absent,
  });
  t.equal(membership.farEnd(0, "tcp", "10.0.0.1", 9_003).listener, "bound", "the other transport");
  t.equal(membership.farEnd(0, "udp", "fd00::1", 9_003).listener, "bound", "another address of the node");
  t.strictSame(member.listening?.counts, { bound: 1, occupied: 1, denied: 1, absent: 1 });
});

t.test("what an agent held is still known when it is gone, so that its end can be judged", async (t) => {
  const { membership, join } = create();
  const member = join();
  membership.reportListening(member, listeningOf());
  membership.lost(member, "close");
  t.strictSame(membership.farEnd(0, "tcp", "10.0.0.1", 9_000), {
    agent: "gone",
    listener: "bound",
    lostBy: "close",
  });
});

t.test(
  "exceptions of more ports than a node was given are refused, and what it said before stays",
  async (t) => {
    const { membership, join } = create();
    const member = join();
    const exception = { transport: "tcp", address: "10.0.0.1", state: "absent" } as const;
    t.equal(
      membership.reportListening(member, listeningOf({ exceptions: [{ ...exception, ports: "9000-9003" }] })),
      undefined,
    );
    t.equal(
      membership.reportListening(member, listeningOf({ exceptions: [{ ...exception, ports: "1-65535" }] })),
      "the exceptions are not those of this node's ports",
    );
    t.equal(member.listening?.counts.absent, 4);
  },
);
