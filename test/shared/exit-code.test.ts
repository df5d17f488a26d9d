import t from "tap";
import { exitCodeOf, failOnWords, type FailOn } from "../../shared/exit-code.ts";
import { InvalidInputError, PortmeshError, type ErrorCode } from "../../shared/errors.ts";
import { nodeOf, pathOf, reportOf } from "../helpers/report-fixtures.ts";

const usual: FailOn[] = ["fail", "incomplete"];
const pass = pathOf();
const warn = pathOf({ verdict: "warn", reason: "slow" });
const fail = pathOf({ verdict: "fail", reason: "dropped" });
const unknown = pathOf({ verdict: "unknown", reason: "never-probed" });
const optionalFail = pathOf({ verdict: "fail", reason: "dropped", level: "optional" });
const conditionalFail = pathOf({ verdict: "fail", reason: "dropped", level: "conditional" });
const agentMissing = [nodeOf("n1"), nodeOf("n2", { agent: null })];

t.test("the worst of what the user asked to fail on decides", async (t) => {
  const cases: [name: string, report: ReturnType<typeof reportOf>, failOn: FailOn[], code: number][] = [
    ["every path passes", reportOf([pass, pass]), usual, 0],
    ["every path passes, strictly", reportOf([pass]), [...failOnWords], 0],
    ["one path fails", reportOf([pass, fail]), usual, 3],
    ["a conditional path that applies fails", reportOf([pass, conditionalFail]), usual, 3],
    ["an optional path fails", reportOf([pass, optionalFail]), usual, 0],
    ["an optional path fails, and warnings count", reportOf([pass, optionalFail]), [...failOnWords], 4],
    ["only warnings", reportOf([pass, warn]), usual, 0],
    ["only warnings, and they count", reportOf([pass, warn]), [...failOnWords], 4],
    ["a path is unknown", reportOf([pass, unknown]), usual, 5],
    ["an agent is missing", reportOf([pass], { nodes: agentMissing }), usual, 5],
    ["a failure is worse than what is missing", reportOf([fail, unknown], { nodes: agentMissing }), usual, 3],
    ["what is missing is worse than a warning", reportOf([warn, unknown]), [...failOnWords], 5],
    ["unknown paths are not asked about", reportOf([pass, unknown], { nodes: agentMissing }), ["fail"], 0],
    ["there was nothing to check", reportOf([]), usual, 5],
    ["who asks for warnings hears of failures", reportOf([fail]), ["warn"], 3],
    ["failures are not asked about", reportOf([fail]), ["incomplete"], 0],
    ["nothing is asked about", reportOf([fail, unknown, warn]), [], 0],
  ];
  for (const [name, report, failOn, code] of cases) t.equal(exitCodeOf(report, failOn), code, name);
});

t.test("an error's code says whether the user or the surroundings have to change", async (t) => {
  const cases: Record<ErrorCode, number> = {
    usage: 2,
    "invalid-input": 2,
    "cannot-run": 1,
    "join-refused": 1,
    "wrong-coordinator": 1,
    "policy-refused": 1,
  };
  for (const [code, exitCode] of Object.entries(cases)) {
    t.equal(new PortmeshError(code as ErrorCode, "x").exitCode, exitCode, code);
  }
  t.equal(new InvalidInputError([]).exitCode, 2);
});
