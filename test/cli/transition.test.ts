/** The line that a person gets when a path changes. */
import t from "tap";
import { plain } from "../../cli/terminal.ts";
import { transitionLine, transitionObject } from "../../cli/views/transition.ts";
import type { KeptTransition } from "../../coordinator/journal/journal.ts";
import { codeOf } from "../../shared/api.ts";
import type { Reason, Verdict } from "../../shared/names.ts";
import type { ReportPath } from "../../shared/report.ts";
import { pathOf } from "../helpers/report-fixtures.ts";

const passes = { verdict: "pass", reason: "reachable" } as const;
const drops = { verdict: "fail", reason: "dropped" } as const;
interface Change {
  from: { verdict: Verdict; reason: Reason };
  to: { verdict: Verdict; reason: Reason };
  isFlapping?: boolean;
  isLate?: boolean;
}

function transitionOf({ from, to, isFlapping = false, isLate = false }: Change): KeptTransition {
  return {
    at: Date.parse("2026-11-21T14:03:00Z"),
    plan: 1,
    path: 0,
    from: "n1",
    to: "n2",
    spec: "made-up",
    flow: "cql",
    expected: "open",
    before: codeOf(from.reason),
    after: codeOf(to.reason),
    isOutside: false,
    isFlapping,
    isLate,
    evidence: undefined,
  };
}

/** How n1 > n2 is told, on a terminal without colour. */
function told(change: Change, parts: Partial<ReportPath> = {}, ascii = false): string {
  const path = pathOf({ ...change.to, ...parts });
  return transitionLine(transitionOf(change), path, plain, ascii);
}

const dropped: Partial<ReportPath> = {
  evidence: {
    source: { outcome: "silent", phase: "connect", elapsedMs: 4_000, attempts: 2 },
    target: { agent: "alive", listener: "bound", sawRequest: false },
  },
};

t.test("it says when, what, from where to where, and why", async (t) => {
  t.equal(
    told({ from: passes, to: drops }, dropped),
    "2026-11-21T14:03:00.000Z n1 → n2 cql tcp/9042: pass reachable → fail dropped: no answer after 4.0 s; n2 was listening and saw nothing",
  );
});

t.test("that a path works again needs no reason", async (t) => {
  t.equal(
    told({ from: drops, to: passes }),
    "2026-11-21T14:03:00.000Z n1 → n2 cql tcp/9042: fail dropped → pass reachable",
  );
});

t.test("of a range the ports in question are named, and flapping is said", async (t) => {
  const intervals: ReportPath["intervals"] = [
    { ports: "9000-9041", ...passes },
    { ports: "9042-9044", ...drops },
  ];
  t.match(
    told({ from: passes, to: drops, isFlapping: true }, { ...dropped, ports: "9000-9044", intervals }),
    / cql tcp\/9042-9044: pass reachable → fail dropped \(flapping\): no answer/,
  );
});

t.test("what comes from the network cannot drive the terminal, nor make a second line", async (t) => {
  const line = told(
    { from: passes, to: { verdict: "fail", reason: "stranger" } },
    {
      evidence: {
        source: { outcome: "wrong-answer", detail: "\u001b[2J\r\nn1 → n3: pass\u202e\u0007" },
        target: { agent: "alive", listener: "bound" },
      },
    },
  );
  // What is escaped is visible.
  t.match(line, String.raw`\u001b[2J\u000d\u000an1 → n3: pass\u202e\u0007`);
  t.notMatch(line, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
});

t.test("where symbols cannot be shown there are none", async (t) => {
  const line = told({ from: passes, to: drops }, dropped, true);
  t.match(line, "n1 -> n2 cql tcp/9042: pass reachable -> fail dropped:");
  t.match(line, /^[\u0020-\u007e]+$/);
});

t.test("each verdict has its colour, and nothing else has", async (t) => {
  const styled = transitionLine(
    transitionOf({ from: passes, to: drops }),
    pathOf({ ...drops, ...dropped }),
    (style, text) => `<${String(style)}>${text}</>`,
    false,
  );
  t.match(styled, "9042: <green>pass reachable</> → <red>fail dropped</>: no answer");
});

t.test("what was found out after the coordinator had been away says so", async (t) => {
  t.match(told({ from: passes, to: drops, isLate: true }, dropped), / \(told late\): no answer/);
});

t.test("of a path that the plan has no more there are no words left, and no line is lost", async (t) => {
  const transition = transitionOf({ from: passes, to: drops });
  t.equal(
    transitionLine(transition, undefined, plain, false),
    "2026-11-21T14:03:00.000Z n1 → n2 cql: pass reachable → fail dropped",
  );
  t.strictSame(transitionObject(transition, undefined), {
    at: "2026-11-21T14:03:00.000Z",
    from: "n1",
    to: "n2",
    spec: "made-up",
    flow: "cql",
    expected: "open",
    isOutside: false,
    isFlapping: false,
    isLate: false,
    before: passes,
    after: drops,
  });
});

t.test("scripts get the path as it is shown, with what both ends saw", async (t) => {
  const path = pathOf({ ...drops, ...dropped });
  t.match(transitionObject(transitionOf({ from: passes, to: drops }), path), {
    path: { verdict: "fail", reason: "dropped", evidence: dropped.evidence },
  });
});
