import t from "tap";
import { explainPath, failingPorts, remedyFor } from "../../shared/explain.ts";
import { rejectedNearbyCode } from "../../shared/judge.ts";
import { reasonsByVerdict, verdictOf, verdicts, type Reason } from "../../shared/names.ts";
import type { ReportPath } from "../../shared/report.ts";
import { pathOf } from "../helpers/report-fixtures.ts";

type Source = ReportPath["evidence"]["source"];
type Target = ReportPath["evidence"]["target"];

const everyReason = verdicts.flatMap((verdict) =>
  reasonsByVerdict[verdict].map((reason) => ({ verdict, reason })),
);

function pathWith(
  reason: Reason,
  source: Source = {},
  target: Target = { agent: "alive" },
  parts: Partial<ReportPath> = {},
): ReportPath {
  return pathOf({ reason, rttMs: null, evidence: { source, target }, ...parts });
}

t.test("every reason is a sentence, with all of the evidence and with none", async (t) => {
  const full: [Source, Target] = [
    {
      outcome: "refused",
      phase: "connect",
      code: "ECONNREFUSED",
      detail: "said no",
      elapsedMs: 1.2,
      attempts: 2,
      port: 9042,
      address: "10.0.0.2",
      answeredBy: { node: "n3", port: 9043 },
      seenAs: "10.9.9.9",
    },
    { agent: "alive", listener: "occupied", owner: "java (pid 812)", detail: "in use" },
  ];
  for (const { reason } of everyReason) {
    for (const [source, target] of [full, [{}, { agent: "missing" }] as [Source, Target]]) {
      for (const rttMs of [null, 0.5]) {
        const sentence = explainPath(pathWith(reason, source, target, { rttMs }));
        t.ok(sentence !== reason && sentence.includes(" "), `${reason}: ${sentence}`);
        t.notMatch(sentence, /undefined|null|NaN|\[object/, reason);
      }
    }
  }
});

t.test("the sentence says what both ends saw", async (t) => {
  const bound: Target = { agent: "alive", listener: "bound" };
  const occupied: Target = { agent: "alive", listener: "occupied", owner: "java (pid 812)" };
  const cases: [ReportPath, sentence: string][] = [
    [pathOf(), "n2 proved itself, 0.4 ms"],
    [pathWith("served", {}, occupied), "java (pid 812) answered"],
    [
      pathWith("served", { exchange: "http", detail: "HTTP/1.1 200 OK" }, occupied),
      "java (pid 812) answered: HTTP/1.1 200 OK",
    ],
    [
      pathWith("dropped", { outcome: "silent", elapsedMs: 4_000 }, bound),
      "no answer after 4.0 s; n2 was listening, but was not asked what it saw",
    ],
    [
      pathWith("dropped", { outcome: "silent", elapsedMs: 4_000 }, { ...bound, sawRequest: false }),
      "no answer after 4.0 s; n2 was listening and saw nothing",
    ],
    [
      pathWith("dropped", { outcome: "silent", elapsedMs: 4_000 }, occupied),
      "no answer after 4.0 s; java (pid 812) holds the port; n2 was not asked what it saw",
    ],
    [
      pathWith("dropped", { outcome: "silent", elapsedMs: 4_000 }, { ...occupied, sawRequest: false }),
      "no answer after 4.0 s; java (pid 812) holds the port, and n2 saw nothing",
    ],
    [
      pathWith("rejected", { outcome: "silent", code: rejectedNearbyCode, elapsedMs: 4_000 }, bound),
      "no answer after 4.0 s, but neighbouring ports are rejected, and not every such error is sent; n2 was listening",
    ],
    [
      pathWith("rejected", { outcome: "refused", code: "ECONNREFUSED", elapsedMs: 0.4 }, bound),
      "refused (ECONNREFUSED) after 0.4 ms, although n2 was listening",
    ],
    [
      pathWith("reply-dropped", {}, { ...bound, sawRequest: true }, { transport: "udp" }),
      "n2 saw the request, its answer did not come back",
    ],
    [
      pathWith("reply-dropped", {}, { ...bound, sawRequest: true, sawConnection: false }),
      "n2 saw a half-open connection of n1, its answer did not come back",
    ],
    [
      pathWith("reply-dropped", {}, { ...bound, sawRequest: true, sawConnection: true }),
      "n2 saw the connection, its answer did not come back",
    ],
    [
      pathWith("egress-blocked", { code: "EPERM", detail: "the kernel refused" }, bound),
      "n1 itself refused to send (EPERM): the kernel refused",
    ],
    [
      pathWith("no-route", { outcome: "silent", elapsedMs: 4_000 }, bound),
      "no answer after 4.0 s, and no sign of a host behind the address; the agent on n2 is alive",
    ],
    [
      pathWith("intercepted", { code: "SELF_SIGNED_CERT_IN_CHAIN", detail: "certificate of CN=box" }, bound),
      "TLS was ended by somebody else (SELF_SIGNED_CERT_IN_CHAIN): certificate of CN=box",
    ],
    [
      pathWith("stranger", { detail: "12 bytes without a proof" }, bound),
      "something answered without proof: 12 bytes without a proof; n2 was listening",
    ],
    [
      pathWith("impaired", { outcome: "local-error", code: "STARVED", detail: "it did not run" }, bound),
      "n1 could not probe (STARVED): it did not run",
    ],
    [
      pathWith("impaired", { outcome: "silent" }, { ...bound, impaired: true }),
      "the agent on n2 did not get to run, so no answer means nothing",
    ],
    [
      pathWith("impaired", { outcome: "local-error", code: "EMFILE" }, { ...bound, impaired: true }),
      "n1 could not probe (EMFILE)",
    ],
    [
      pathWith(
        "impaired",
        { outcome: "tls-failed", code: "CERT_HAS_EXPIRED", detail: "valid to 2027" },
        bound,
      ),
      "n1 cannot verify the certificate of n2 (CERT_HAS_EXPIRED): its clock is wrong by more than a day: valid to 2027",
    ],
    [
      pathWith("slow", { quality: { sent: 20, lost: 0, rttMs: 7 } }, bound, { rttMs: 1 }),
      "n2 answered too slowly, 7.0 ms",
    ],
    [
      pathWith("lossy", { quality: { sent: 300, lost: 12 } }, bound),
      "n2 answered, but 12 of 300 round trips were lost on the way",
    ],
    [
      pathWith(
        "small-mtu",
        { quality: { sent: 0, lost: 0, blackHole: { pathMtu: 1_400, lost: "there" } } },
        bound,
      ),
      "packets of more than 1400 bytes are lost on the way from n1 to n2",
    ],
    [
      pathWith(
        "small-mtu",
        { quality: { sent: 0, lost: 0, blackHole: { pathMtu: 1_400, lost: "back" } } },
        bound,
      ),
      "packets of more than 1400 bytes are lost on the way back from n2 to n1",
    ],
    [
      pathWith("no-route", { outcome: "local-error", code: "ENETUNREACH" }, bound),
      "n1 has no route (ENETUNREACH)",
    ],
    [
      pathWith("no-route", { outcome: "unreachable", code: "EHOSTUNREACH", elapsedMs: 3_060 }, bound),
      "unreachable (EHOSTUNREACH) after 3.1 s; the agent on n2 is alive",
    ],
    [
      pathWith(
        "node-down",
        { outcome: "unreachable", code: "EHOSTUNREACH", elapsedMs: 3_060 },
        { agent: "gone", listener: "bound" },
      ),
      "unreachable (EHOSTUNREACH) after 3.1 s; the agent on n2 is gone",
    ],
    [
      pathWith("misrouted", { answeredBy: { node: "n3", port: 9043 } }, bound),
      "n3 port 9043 answered instead of n2",
    ],
    [
      pathWith("app-filtered", { outcome: "silent", phase: "answer" }, bound),
      "TCP connects, then nothing comes in the answer step",
    ],
    [
      pathWith("app-filtered", { outcome: "silent", phase: "answer" }, { ...bound, sawConnection: true }),
      "TCP connects, then nothing comes in the answer step; the connection reached n2, the request on it did not",
    ],
    [
      pathWith("app-filtered", { outcome: "silent", phase: "answer" }, { ...bound, sawConnection: false }),
      "TCP connects, then nothing comes in the answer step; either the request reached n2 as well, or not even the connection did",
    ],
    [
      pathWith("app-filtered", { outcome: "silent", phase: "answer" }, { ...occupied, sawConnection: false }),
      "TCP connects, then nothing comes in the answer step; java (pid 812) holds the port",
    ],
    [
      pathWith("app-filtered", { outcome: "reset", phase: "upgrade", code: "ECONNRESET" }, bound),
      "TCP connects, then the connection is cut in the upgrade step (ECONNRESET)",
    ],
    [
      pathWith("blocked-as-required", { outcome: "silent", elapsedMs: 4_000 }, bound),
      "silent after 4.0 s, as it should be",
    ],
    [pathWith("agent-missing", {}, { agent: "missing" }), "no agent on n2 has joined"],
    [pathWith("agent-missing", {}, { agent: "alive" }), "no agent on n1 has joined"],
    [pathWith("agent-missing", {}, { agent: "gone" }), "the agent on n2 is gone"],
    [pathWith("stale"), "n1 has told nothing for too long"],
    [pathWith("denied", {}, { agent: "alive", listener: "denied", detail: "EACCES" }), "EACCES"],
  ];
  for (const [path, sentence] of cases) t.equal(explainPath(path), sentence, path.reason);
});

t.test("a translated source address is told, whatever became of the path", async (t) => {
  t.equal(
    explainPath(pathWith("reachable", { seenAs: "192.0.2.1" }, { agent: "alive", listener: "bound" })),
    "n2 proved itself; a NAT shows n1 as 192.0.2.1",
  );
  t.match(explainPath(pathWith("misrouted", { seenAs: "192.0.2.1" })), /; a NAT shows n1 as 192\.0\.2\.1$/);
});

t.test("a remedy names ends and ports, so that it can be sent to the firewall team", async (t) => {
  const cases: [Reason, Partial<ReportPath>, remedy: string | undefined][] = [
    ["dropped", {}, "ask for: allow tcp n1 → n2 ports 9042"],
    ["rejected", { transport: "udp" }, "ask for: allow udp n1 → n2 ports 9042"],
    ["exposed", { expected: "closed" }, "ask for: block tcp n1 → n2 ports 9042"],
    ["app-filtered", { protocol: "wss" }, "ask for: let wss pass uninspected, tcp n1 → n2 ports 9042"],
    ["egress-blocked", {}, "check the firewall of n1 itself: nft list ruleset"],
    [
      "reply-dropped",
      { transport: "udp" },
      "let udp from n2 ports 9042 pass, on n2 and on the way back to n1; check for routes that differ by direction",
    ],
    ["intercepted", {}, "exclude n2 port 9042 from TLS inspection"],
    ["misrouted", {}, "check what leads n1 elsewhere: a DNAT rule, a load balancer, a stale address of n2"],
    [
      "impaired",
      { evidence: { source: {}, target: { agent: "alive", impaired: true } } },
      "check the load of n2, and check again",
    ],
    ["impaired", {}, undefined],
    ["no-route", {}, "check routes and links between n1 and n2: ip route get"],
    ["agent-missing", { evidence: { source: {}, target: { agent: "missing" } } }, "start the agent on n2"],
    ["agent-missing", { evidence: { source: {}, target: { agent: "alive" } } }, "start the agent on n1"],
    [
      "denied",
      { evidence: { source: { code: "EPOLICY", address: "192.0.2.2" }, target: { agent: "alive" } } },
      "on n1: add 192.0.2.2 to allow in a policy file (agent run --policy FILE)",
    ],
    [
      "denied",
      { evidence: { source: {}, target: { agent: "alive", listener: "denied" } } },
      "run the agent on n2 as root or with CAP_NET_BIND_SERVICE",
    ],
    ["reachable", {}, undefined],
  ];
  for (const [reason, parts, remedy] of cases)
    t.equal(remedyFor(pathWith(reason, {}, undefined, parts)), remedy, reason);
});

t.test("no remedy is undefined in its words", async (t) => {
  for (const { reason } of everyReason)
    t.notMatch(remedyFor(pathWith(reason)) ?? "", /undefined|null/, reason);
});

t.test("of a range that is blocked in part, the blocked part is asked for", async (t) => {
  const path = pathWith("dropped", {}, undefined, {
    verdict: "fail",
    ports: "30000-32767",
    intervals: [
      { ports: "30000-30999", verdict: "pass", reason: "reachable" },
      { ports: "31000-31499", verdict: "fail", reason: "dropped" },
      { ports: "31500", verdict: "fail", reason: "rejected" },
      { ports: "31501-31600", verdict: "fail", reason: "dropped" },
      { ports: "31601-32767", verdict: "pass", reason: "reachable" },
    ],
  });
  t.equal(failingPorts(path), "31000-31600", "whatever its reason, neighbours together");
  t.equal(failingPorts({ ...path, verdict: "pass" }), "30000-30999,31601-32767");
  t.equal(
    failingPorts(pathWith("dropped", {}, undefined, { ports: "30000-32767" })),
    "30000-32767",
    "a range of one verdict",
  );
  t.equal(remedyFor(path), "ask for: allow tcp n1 → n2 ports 31000-31600");
});

t.test("of alternatives the sentence names the port that is open, and those that are not", async (t) => {
  const mail = (parts: Partial<ReportPath>): ReportPath => pathOf({ ports: "25,587", anyOf: true, ...parts });
  const interval = (ports: string, reason: Reason) => ({ ports, reason, verdict: verdictOf(reason) });
  const one = mail({ intervals: [interval("25", "dropped"), interval("587", "reachable")] });
  one.evidence.source.port = 587;
  t.equal(explainPath(one), "587 is open, 25 is not (dropped): n2 proved itself, 0.4 ms");
  const twoOpen = { ...one, intervals: [interval("25", "slow"), interval("587", "reachable")] };
  t.match(explainPath(twoOpen), /^587 is open, 25 is open too: /);
  t.match(explainPath(mail({})), /^25 and 587 are open: /);
  const none = mail({ verdict: "fail", reason: "dropped" });
  t.match(explainPath(none), /^none of 25 and 587 is open: no answer/);
  t.match(remedyFor(none)!, /ports 25 or 587$/, "one of them is to be asked for");
  const differing = { ...none, intervals: [interval("25", "rejected"), interval("587", "dropped")] };
  t.match(explainPath(differing), /^none of 25 and 587 is open \(25: rejected, 587: dropped\): /);
  t.match(explainPath(mail({ verdict: "unknown", reason: "never-probed" })), /^not probed/);
  const shut = mail({ expected: "closed", verdict: "fail", reason: "exposed" });
  t.match(explainPath(shut), /^open, although/);
  t.match(remedyFor(shut)!, /ports 25,587$/, "all of them are to be blocked");
});
