import t from "tap";
import {
  judge,
  neighbourTimeoutMs,
  rejectedNearbyCode,
  type Expectation,
  type FarEnd,
  type PathQuality,
} from "../../shared/judge.ts";
import {
  listenerStates,
  outcomeKinds,
  probePhases,
  transports,
  verdictOf,
  type Reason,
  type Transport,
} from "../../shared/names.ts";
import type { Outcome, Proof } from "../../shared/outcome.ts";

const node = 3;
const port = 9042;
const redirected = 19_042;

const proofOf = (parts: Partial<Proof>): Proof => ({
  node,
  port,
  seenAddress: "10.0.0.1",
  seenPort: 40_000,
  clientVerified: false,
  ...parts,
});
const outcomeOf = (kind: Outcome["kind"], parts: Partial<Outcome> = {}): Outcome => ({
  kind,
  phase: "connect",
  elapsedMs: 1,
  attempts: 1,
  ...parts,
});
const expectationOf = (
  open: boolean,
  transport: Transport,
  parts: Partial<Expectation> = {},
): Expectation => ({
  open,
  transport,
  node,
  ports: [port],
  serviceExpected: false,
  thresholds: { rttMs: undefined, lossRatio: undefined },
  ...parts,
});

const states = [...listenerStates, undefined];
const agents = ["alive", "gone", "missing"] as const;
/** Everything a far end can be, without half-open entries: rows that need them name them. */
const anybody: FarEnd[] = agents.flatMap((agent) => states.map((listener): FarEnd => ({ agent, listener })));
const holding = (...listeners: FarEnd["listener"][]): FarEnd[] =>
  listeners.map((listener): FarEnd => ({ agent: "alive", listener }));
const gone: FarEnd[] = states.map((listener): FarEnd => ({ agent: "gone", listener }));

const refused = outcomeOf("refused", { code: "ECONNREFUSED" });
const reset = outcomeOf("reset", { code: "ECONNRESET" });
const silent = outcomeOf("silent", { elapsedMs: 4_000, attempts: 2 });
const silentUdp = outcomeOf("silent", { phase: "answer", elapsedMs: 4_000, attempts: 3 });
const icmp = ["EHOSTUNREACH", "ENETUNREACH", "ENOPROTOOPT"].map((code) =>
  outcomeOf("unreachable", { code, elapsedMs: 2 }),
);
const arp = outcomeOf("unreachable", { code: "EHOSTUNREACH", elapsedMs: 3_060 });
/** Failures of the network, before the far end's transport said anything. */
const beforeAnswer = [
  refused,
  reset,
  silent,
  ...icmp,
  outcomeOf("unresolved", { phase: "resolve", code: "ENOTFOUND" }),
];
/** TCP had connected, and then no proof came. */
const afterConnect = [
  outcomeOf("tls-failed", { phase: "tls", code: "ERR_SSL_WRONG_VERSION_NUMBER" }),
  outcomeOf("upgrade-refused", { phase: "upgrade", code: "404" }),
  outcomeOf("reset", { phase: "answer", code: "ECONNRESET" }),
  outcomeOf("silent", { phase: "answer", elapsedMs: 4_000 }),
  outcomeOf("silent", { phase: "tls", elapsedMs: 4_000 }),
];

interface Row {
  row: string;
  transport?: Transport;
  expectation?: Partial<Expectation>;
  outcomes: readonly (Outcome | undefined)[];
  farEnds: readonly FarEnd[];
  open: Reason;
  closed: Reason;
}

/** The whole judgement, row by row. */
const table: Row[] = [
  {
    row: "an open port with a proof of this node and port is reachable, whatever the far end says",
    outcomes: [outcomeOf("open", { phase: "answer", proof: proofOf({}) })],
    farEnds: anybody,
    open: "reachable",
    closed: "exposed",
  },
  {
    row: "a proof of another node or port is misrouted",
    outcomes: [
      outcomeOf("open", { phase: "answer", proof: proofOf({ node: 4 }) }),
      outcomeOf("open", { phase: "answer", proof: proofOf({ port: redirected }) }),
    ],
    farEnds: anybody,
    open: "misrouted",
    closed: "exposed",
  },
  {
    row: "a proof from the port that a declared redirect leads to is reachable",
    expectation: { ports: [port, redirected] },
    outcomes: [outcomeOf("open", { phase: "answer", proof: proofOf({ port: redirected }) })],
    farEnds: anybody,
    open: "reachable",
    closed: "exposed",
  },
  {
    row: "a declared redirect does not excuse another node",
    expectation: { ports: [port, redirected] },
    outcomes: [outcomeOf("open", { phase: "answer", proof: proofOf({ node: 4, port: redirected }) })],
    farEnds: anybody,
    open: "misrouted",
    closed: "exposed",
  },
  {
    row: "an answer without proof, where the agent holds the port, is of a stranger",
    outcomes: [outcomeOf("open", { phase: "answer" }), outcomeOf("wrong-answer", { phase: "answer" })],
    farEnds: holding("bound"),
    open: "stranger",
    closed: "exposed",
  },
  {
    row: "an answer without proof, where a service holds the port, is that service",
    outcomes: [outcomeOf("open", { phase: "answer" }), outcomeOf("wrong-answer", { phase: "answer" })],
    farEnds: holding("occupied"),
    open: "served",
    closed: "exposed",
  },
  {
    row: "a service that ends the conversation after TCP has connected was reached",
    transport: "tcp",
    outcomes: afterConnect,
    farEnds: holding("occupied"),
    open: "served",
    closed: "exposed",
  },
  {
    row: "whatever a service says of its own protocol's exchange, it was reached",
    outcomes: [
      outcomeOf("open", { phase: "answer", exchange: "postgres" }),
      outcomeOf("wrong-answer", { phase: "answer", exchange: "http" }),
    ],
    farEnds: holding("occupied"),
    open: "served",
    closed: "exposed",
  },
  {
    row: "a service that speaks TLS and does not like ours was reached",
    transport: "tcp",
    outcomes: [outcomeOf("tls-failed", { phase: "tls", code: "ERR_SSL_X_ALERT_Y", exchange: "http" })],
    farEnds: holding("occupied"),
    open: "served",
    closed: "exposed",
  },
  {
    row: "an exchange with a service that is cut or comes to nothing after TCP has connected is filtered",
    transport: "tcp",
    outcomes: [
      outcomeOf("reset", { phase: "answer", code: "ECONNRESET", exchange: "postgres" }),
      outcomeOf("reset", { phase: "tls", code: "ECONNRESET", exchange: "http" }),
      outcomeOf("silent", { phase: "answer", elapsedMs: 4_000, exchange: "postgres" }),
      outcomeOf("unreachable", { phase: "answer", elapsedMs: 20, exchange: "http" }),
    ],
    farEnds: holding("occupied"),
    open: "app-filtered",
    closed: "exposed",
  },
  {
    row: "an exchange that does not get as far as TCP is judged as any probe of a port that is held",
    transport: "tcp",
    outcomes: [{ ...refused, exchange: "http" }],
    farEnds: holding("occupied"),
    open: "rejected",
    closed: "blocked-as-required",
  },
  {
    row: "an exchange over UDP that gets no answer says no more than any silence of a service",
    transport: "udp",
    outcomes: [{ ...silentUdp, exchange: "dns" }],
    farEnds: holding("occupied"),
    open: "silent-service",
    closed: "silent-service",
  },
  {
    row: "a refusal of a port that is held is a firewall that rejects",
    outcomes: [refused, reset],
    farEnds: holding("bound", "occupied"),
    open: "rejected",
    closed: "blocked-as-required",
  },
  {
    row: "a refusal where the expected service is absent is a closed service",
    expectation: { serviceExpected: true },
    outcomes: [refused],
    farEnds: holding("absent"),
    open: "closed",
    closed: "blocked-as-required",
  },
  {
    row: "silence over TCP although the request was seen means that the reply is dropped",
    transport: "tcp",
    outcomes: [silent],
    farEnds: holding("bound").map((farEnd) => ({ ...farEnd, sawRequest: true })),
    open: "reply-dropped",
    closed: "blocked-as-required",
  },
  {
    row: "silence over UDP although the request was seen means that the reply is dropped",
    transport: "udp",
    outcomes: [silentUdp],
    farEnds: holding("bound").map((farEnd) => ({ ...farEnd, sawRequest: true })),
    open: "reply-dropped",
    closed: "blocked-as-required",
  },
  {
    row: "silence over TCP of a service whose host saw the request means that the reply is dropped",
    transport: "tcp",
    outcomes: [silent],
    farEnds: holding("occupied").map((farEnd) => ({ ...farEnd, sawRequest: true })),
    open: "reply-dropped",
    closed: "blocked-as-required",
  },
  {
    row: "silence of ports whose neighbours are rejected is the same rejection, of which not every one is told",
    outcomes: [outcomeOf("silent", { phase: "connect", elapsedMs: 4_000, code: rejectedNearbyCode })],
    farEnds: [...holding("bound"), ...holding("bound").map((farEnd) => ({ ...farEnd, sawRequest: false }))],
    open: "rejected",
    closed: "blocked-as-required",
  },
  {
    row: "a request that was seen was not rejected, whatever its neighbours were",
    outcomes: [outcomeOf("silent", { phase: "connect", elapsedMs: 4_000, code: rejectedNearbyCode })],
    farEnds: holding("bound").map((farEnd) => ({ ...farEnd, sawRequest: true })),
    open: "reply-dropped",
    closed: "blocked-as-required",
  },
  {
    row: "a refusal after the service that held the port has left is a closed service",
    outcomes: [refused],
    farEnds: holding("occupied").map((farEnd) => ({ ...farEnd, serviceLeft: true })),
    open: "closed",
    closed: "blocked-as-required",
  },
  {
    row: "silence after the service that held the port has left is still a firewall's: a host would refuse",
    transport: "tcp",
    outcomes: [silent],
    farEnds: holding("occupied").map((farEnd) => ({ ...farEnd, serviceLeft: true })),
    open: "dropped",
    closed: "blocked-as-required",
  },
  {
    row: "silence over UDP of an agent that did not run says nothing, whatever it saw",
    transport: "udp",
    outcomes: [silentUdp],
    farEnds: holding("bound").flatMap((farEnd) => [
      { ...farEnd, impaired: true },
      { ...farEnd, impaired: true, sawRequest: true },
      { ...farEnd, impaired: true, sawRequest: false },
    ]),
    open: "impaired",
    closed: "impaired",
  },
  {
    row: "silence over TCP of an agent that did not run is a firewall's, because its kernel answers; but no tested block",
    transport: "tcp",
    outcomes: [silent],
    farEnds: holding("bound").map((farEnd) => ({ ...farEnd, impaired: true })),
    open: "dropped",
    closed: "impaired",
  },
  {
    row: "silence after TCP has connected to an agent that did not run says nothing; but the port is open",
    transport: "tcp",
    outcomes: [outcomeOf("silent", { phase: "answer", elapsedMs: 4_000 })],
    farEnds: holding("bound").map((farEnd) => ({ ...farEnd, impaired: true })),
    open: "impaired",
    closed: "exposed",
  },
  {
    row: "an agent that did not run does not excuse a refusal",
    outcomes: [refused, ...icmp],
    farEnds: holding("bound", "occupied").map((farEnd) => ({ ...farEnd, impaired: true })),
    open: "rejected",
    closed: "blocked-as-required",
  },
  {
    row: "a chain of the run's own that is not valid now means that the prober's clock is wrong",
    transport: "tcp",
    outcomes: ["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"].map((code) =>
      outcomeOf("tls-failed", { phase: "tls", code }),
    ),
    farEnds: holding("bound"),
    open: "impaired",
    closed: "exposed",
  },
  {
    row: "silence over UDP of an address whose host is gone from the network has no route",
    transport: "udp",
    outcomes: [silentUdp],
    farEnds: holding("bound").map((farEnd) => ({ ...farEnd, hostVanished: true })),
    open: "no-route",
    closed: "blocked-as-required",
  },
  {
    row: "silence over TCP of an address whose host is gone from the network has no route",
    transport: "tcp",
    outcomes: [silent],
    farEnds: holding("bound", "occupied").map((farEnd) => ({ ...farEnd, hostVanished: true })),
    open: "no-route",
    closed: "blocked-as-required",
  },
  {
    row: "silence of a host that is gone from the network together with its agent is a node that is down",
    transport: "tcp",
    outcomes: [silent],
    farEnds: gone.map((farEnd) => ({ ...farEnd, hostVanished: true })),
    open: "node-down",
    closed: "agent-missing",
  },
  {
    row: "an ICMP error that answers only a later SYN is a rejection, where the host is known to be there",
    outcomes: [arp],
    farEnds: holding("bound", "occupied").map((farEnd) => ({ ...farEnd, hostVanished: false })),
    open: "rejected",
    closed: "blocked-as-required",
  },
  {
    row: "silence over TCP where nothing was seen is a firewall that drops",
    transport: "tcp",
    outcomes: [silent],
    farEnds: [
      ...holding("bound", "occupied"),
      ...holding("bound").map((farEnd) => ({ ...farEnd, sawRequest: false })),
    ],
    open: "dropped",
    closed: "blocked-as-required",
  },
  {
    row: "silence over UDP where nothing was seen is a firewall that drops",
    transport: "udp",
    outcomes: [silentUdp],
    farEnds: [...holding("bound"), ...holding("bound").map((farEnd) => ({ ...farEnd, sawRequest: false }))],
    open: "dropped",
    closed: "blocked-as-required",
  },
  {
    row: "silence of a UDP service proves nothing, because it need not answer strangers",
    transport: "udp",
    outcomes: [silentUdp],
    farEnds: holding("occupied"),
    open: "silent-service",
    closed: "silent-service",
  },
  {
    row: "a fast ICMP answer is a firewall that rejects",
    outcomes: icmp,
    farEnds: holding("bound", "occupied"),
    open: "rejected",
    closed: "blocked-as-required",
  },
  {
    row: "the source's own firewall is its own fault",
    outcomes: ["EPERM", "EACCES", "EINVAL"].map((code) => outcomeOf("local-error", { code })),
    farEnds: anybody,
    open: "egress-blocked",
    closed: "impaired",
  },
  {
    row: "a source without a route is its own fault",
    outcomes: ["ENETUNREACH", "EHOSTUNREACH"].map((code) => outcomeOf("local-error", { code })),
    farEnds: anybody,
    open: "no-route",
    closed: "impaired",
  },
  {
    row: "a source that ran out of something did not probe",
    outcomes: [outcomeOf("local-error", { code: "EMFILE" }), outcomeOf("local-error")],
    farEnds: anybody,
    open: "impaired",
    closed: "impaired",
  },
  {
    row: "an address that does not answer ARP, of a node whose agent is alive, has no route",
    outcomes: [arp],
    farEnds: [
      { agent: "alive", listener: "bound" },
      { agent: "alive", listener: "occupied" },
    ],
    open: "no-route",
    closed: "blocked-as-required",
  },
  {
    row: "an address that does not answer ARP, of a node whose agent is gone, is a node that is down",
    outcomes: [arp],
    farEnds: [
      { agent: "gone", listener: "bound" },
      { agent: "gone", listener: "occupied" },
    ],
    open: "node-down",
    closed: "agent-missing",
  },
  {
    row: "what an agent held before it left says nothing: no failure is a firewall's, no silence a block",
    outcomes: beforeAnswer,
    farEnds: gone,
    open: "agent-missing",
    closed: "agent-missing",
  },
  {
    row: "no failure says anything where the agent was not permitted to listen",
    outcomes: beforeAnswer,
    farEnds: holding("denied"),
    open: "denied",
    closed: "denied",
  },
  {
    row: "no failure says anything where nobody listened",
    outcomes: beforeAnswer,
    farEnds: holding("absent", undefined),
    open: "not-listening",
    closed: "not-listening",
  },
  {
    row: "no failure says anything where no agent has joined",
    outcomes: beforeAnswer,
    farEnds: states
      .map((listener) => ({ agent: "missing", listener }) as const)
      .filter(({ listener }) => listener !== "bound" && listener !== "occupied"),
    open: "agent-missing",
    closed: "agent-missing",
  },
  {
    row: "what was not probed is unknown",
    outcomes: [undefined],
    farEnds: anybody.filter(({ agent }) => agent === "alive"),
    open: "never-probed",
    closed: "never-probed",
  },
  {
    row: "what was not probed for want of an agent says so",
    outcomes: [undefined],
    farEnds: anybody.filter(({ agent }) => agent !== "alive"),
    open: "agent-missing",
    closed: "agent-missing",
  },
];

for (const { row, transport, expectation, outcomes, farEnds, open, closed } of table) {
  t.test(row, async (t) => {
    for (const each of transport === undefined ? transports : [transport]) {
      for (const outcome of outcomes) {
        for (const farEnd of farEnds) {
          const label = `${each} ${outcome?.kind} ${outcome?.phase} ${outcome?.code ?? ""} ${JSON.stringify(farEnd)}`;
          const judged = (isOpen: boolean) =>
            judge(expectationOf(isOpen, each, expectation), outcome, farEnd);
          t.strictSame(judged(true), { verdict: verdictOf(open), reason: open }, `must be open: ${label}`);
          t.strictSame(
            judged(false),
            { verdict: verdictOf(closed), reason: closed },
            `must be closed: ${label}`,
          );
        }
      }
    }
  });
}

t.test("a failure past the TCP handshake of our own listener names the step that fails", async (t) => {
  const cases: [Outcome, Reason][] = [
    [outcomeOf("reset", { phase: "answer" }), "app-filtered"],
    [outcomeOf("silent", { phase: "answer", elapsedMs: 4_000 }), "app-filtered"],
    [outcomeOf("refused", { phase: "tls" }), "app-filtered"],
    [outcomeOf("tls-failed", { phase: "tls", code: "ERR_SSL_WRONG_VERSION_NUMBER" }), "tls-failed"],
    [
      outcomeOf("tls-failed", { phase: "tls", code: "CLIENT_CERTIFICATE_LOST", proof: proofOf({}) }),
      "tls-failed",
    ],
    [outcomeOf("tls-failed", { phase: "tls", code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), "intercepted"],
    [outcomeOf("tls-failed", { phase: "tls", code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" }), "intercepted"],
    [outcomeOf("tls-failed", { phase: "tls", code: "ERR_TLS_CERT_ALTNAME_INVALID" }), "misrouted"],
    [outcomeOf("upgrade-refused", { phase: "upgrade", code: "404" }), "upgrade-refused"],
    [outcomeOf("proxy-refused", { phase: "upgrade" }), "proxy-refused"],
  ];
  for (const [outcome, reason] of cases) {
    const label = `${outcome.kind} ${outcome.phase} ${outcome.code ?? ""}`;
    const farEnd: FarEnd = { agent: "alive", listener: "bound" };
    t.equal(judge(expectationOf(true, "tcp"), outcome, farEnd).reason, reason, label);
    t.equal(
      judge(expectationOf(false, "tcp"), outcome, farEnd).reason,
      "exposed",
      `${label}, must be closed`,
    );
  }
});

t.test("a name without an address is unresolved where the far end was ready", async (t) => {
  const unresolved = outcomeOf("unresolved", { phase: "resolve", code: "ENOTFOUND" });
  t.equal(
    judge(expectationOf(true, "tcp"), unresolved, { agent: "alive", listener: "bound" }).reason,
    "unresolved",
  );
});

t.test("an address that the source's own policy forbids was not probed", async (t) => {
  const forbidden = outcomeOf("local-error", { code: "EPOLICY" });
  t.equal(
    judge(expectationOf(true, "tcp"), forbidden, { agent: "alive", listener: "bound" }).reason,
    "denied",
  );
  t.equal(
    judge(expectationOf(false, "tcp"), forbidden, { agent: "alive", listener: "bound" }).verdict,
    "unknown",
  );
});

t.test("a refusal is only a closed service where a service is expected", async (t) => {
  const farEnd: FarEnd = { agent: "alive", listener: "absent" };
  t.equal(judge(expectationOf(true, "tcp"), refused, farEnd).reason, "not-listening");
  t.equal(
    judge(expectationOf(true, "tcp", { serviceExpected: true }), silent, farEnd).reason,
    "not-listening",
  );
});

t.test("the ARP time-out divides a firewall's answer from a neighbour that is not there", async (t) => {
  const farEnd: FarEnd = { agent: "alive", listener: "bound" };
  const after = (elapsedMs: number) =>
    judge(expectationOf(true, "tcp"), outcomeOf("unreachable", { elapsedMs }), farEnd).reason;
  t.equal(after(neighbourTimeoutMs - 1), "rejected");
  t.equal(after(neighbourTimeoutMs), "no-route");
});

t.test("a dead neighbour is told from a silent port even where nobody listened", async (t) => {
  t.equal(judge(expectationOf(true, "tcp"), arp, { agent: "gone", listener: undefined }).reason, "node-down");
  t.equal(judge(expectationOf(true, "tcp"), arp, { agent: "alive", listener: "absent" }).reason, "no-route");
  t.equal(judge(expectationOf(false, "tcp"), arp, { agent: "alive", listener: "absent" }).verdict, "unknown");
});

t.test("a path that works is a warning where it is worse than was asked for", async (t) => {
  const reachable = outcomeOf("open", { phase: "answer", proof: proofOf({}) });
  const farEnd: FarEnd = { agent: "alive", listener: "bound" };
  const reasonWith = (
    quality: Partial<PathQuality>,
    thresholds: Partial<Expectation["thresholds"]> = {},
    outcome = reachable,
  ): Reason => {
    const asked = { rttMs: undefined, lossRatio: undefined, ...thresholds };
    const expectation = expectationOf(true, "tcp", { thresholds: asked });
    return judge(expectation, outcome, farEnd, { sent: 100, lost: 0, ...quality }).reason;
  };
  const loss = { lossRatio: 0.01 };
  t.equal(reasonWith({ lost: 50, rttMs: 900 }), "reachable", "nobody asked");
  t.equal(reasonWith({ lost: 1 }, loss), "reachable");
  t.equal(reasonWith({ lost: 2 }, loss), "lossy");
  t.equal(reasonWith({ sent: 20, lost: 1 }, loss), "reachable", "one is chance");
  t.equal(reasonWith({ rttMs: 5 }, { rttMs: 5 }), "reachable");
  t.equal(reasonWith({ rttMs: 5.1 }, { rttMs: 5 }), "slow");
  t.equal(reasonWith({}, { rttMs: 5 }), "reachable", "and no answer has no time");
  const blackHole = { pathMtu: 1_400, lost: "there" } as const;
  t.equal(reasonWith({ blackHole }), "small-mtu");
  t.equal(
    reasonWith({ blackHole }, {}, outcomeOf("silent", { phase: "tls", elapsedMs: 4_000 })),
    "app-filtered",
    "a handshake that stalls is no path, whatever it stalls on",
  );
  t.equal(reasonWith({ blackHole }, {}, refused), "rejected", "no measurement excuses another failure");
  t.equal(
    judge(expectationOf(false, "tcp"), reachable, farEnd, { sent: 100, lost: 50, blackHole }).reason,
    "exposed",
  );
});

/** Every combination that the types allow, of the values that make a difference. */
function* everything(): Generator<{
  expectation: Expectation;
  outcome: Outcome | undefined;
  farEnd: FarEnd;
}> {
  const codes = [
    undefined,
    "EPERM",
    "ENETUNREACH",
    "EPOLICY",
    "ECONNREFUSED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "CERT_HAS_EXPIRED",
    rejectedNearbyCode,
  ];
  const proofs = [undefined, proofOf({}), proofOf({ node: 4 }), proofOf({ port: redirected })];
  const outcomes: (Outcome | undefined)[] = [undefined];
  for (const kind of outcomeKinds) {
    for (const phase of probePhases) {
      for (const code of codes) {
        // No exchange with a service ends with a proof, and its codes are those of any connection.
        if (code === undefined) outcomes.push(outcomeOf(kind, { phase, exchange: "http" }));
        for (const elapsedMs of [1, 3_060]) {
          for (const proof of proofs) {
            outcomes.push({
              ...outcomeOf(kind, { phase, elapsedMs }),
              ...(code === undefined ? {} : { code }),
              ...(proof === undefined ? {} : { proof }),
            });
          }
        }
      }
    }
  }
  const farEnds = anybody.flatMap((farEnd) => [
    farEnd,
    { ...farEnd, sawRequest: true },
    { ...farEnd, sawRequest: false, impaired: true },
    { ...farEnd, serviceLeft: true },
    { ...farEnd, hostVanished: true },
    { ...farEnd, hostVanished: false },
  ]);
  for (const open of [true, false]) {
    for (const transport of transports) {
      for (const serviceExpected of [true, false]) {
        const expectation = expectationOf(open, transport, { serviceExpected });
        for (const outcome of outcomes) for (const farEnd of farEnds) yield { expectation, outcome, farEnd };
      }
    }
  }
}

/** Why a path may be green, in words that do not repeat the code. */
function mayPass(expectation: Expectation, outcome: Outcome | undefined, farEnd: FarEnd): boolean {
  if (outcome === undefined || outcome.kind === "local-error") return false;
  const { proof } = outcome;
  const isHeld = farEnd.listener === "bound" || farEnd.listener === "occupied";
  const hasConnected =
    expectation.transport === "tcp" && outcome.phase !== "resolve" && outcome.phase !== "connect";
  const hasAnswered = outcome.kind === "open" || outcome.kind === "wrong-answer" || hasConnected;
  if (expectation.open) {
    const isProven =
      outcome.kind === "open" && proof !== undefined && proof.node === node && proof.port === port;
    const isCutShort =
      outcome.exchange !== undefined && ["reset", "silent", "unreachable"].includes(outcome.kind);
    return isProven || (farEnd.listener === "occupied" && hasAnswered && !isCutShort);
  }
  const hasLeft =
    farEnd.serviceLeft === true || (expectation.serviceExpected && farEnd.listener === "absent");
  const isSilentForItself = outcome.kind === "silent" && farEnd.impaired === true;
  return (
    proof === undefined &&
    !hasAnswered &&
    !isSilentForItself &&
    (isHeld || (hasLeft && outcome.kind === "refused"))
  );
}

t.test(
  "no combination is green without a proof, a service that answered, or a block that was tested",
  async (t) => {
    const green: string[] = [];
    let count = 0;
    for (const { expectation, outcome, farEnd } of everything()) {
      count++;
      const { verdict } = judge(expectation, outcome, farEnd);
      if (verdict === "pass" && !mayPass(expectation, outcome, farEnd))
        green.push(JSON.stringify({ expectation, outcome, farEnd }));
    }
    t.ok(count > 900_000, `${count} combinations`);
    t.strictSame(green.slice(0, 5), []);
  },
);

t.test("every combination has one of the known reasons, and the verdict of that reason", async (t) => {
  const wrong: string[] = [];
  for (const { expectation, outcome, farEnd } of everything()) {
    const judgement = judge(expectation, outcome, farEnd);
    if (judgement.verdict === undefined || judgement.verdict !== verdictOf(judgement.reason))
      wrong.push(JSON.stringify(judgement));
  }
  t.strictSame(wrong.slice(0, 5), []);
});

t.test(
  "a path is served only where another process holds the port, and reachable only by proof",
  async (t) => {
    const wrong: string[] = [];
    for (const { expectation, outcome, farEnd } of everything()) {
      const { reason } = judge(expectation, outcome, farEnd);
      const isWrong =
        (reason === "served" && farEnd.listener !== "occupied") ||
        (reason === "reachable" && outcome?.proof === undefined);
      if (isWrong) wrong.push(JSON.stringify({ reason, outcome, farEnd }));
    }
    t.strictSame(wrong.slice(0, 5), []);
  },
);
