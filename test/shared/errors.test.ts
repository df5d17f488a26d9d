/** What is said of something that was thrown. */
import t from "tap";
import { describeError, PortmeshError } from "../../shared/errors.ts";

const missing = Object.assign(new Error("ENOENT: no such file or directory, open 'a.yaml'"), {
  code: "ENOENT",
});

t.test("causes are told, and no cause twice", async (t) => {
  t.equal(describeError(new Error("it failed", { cause: missing })), `it failed: ${missing.message}`);
  t.equal(
    describeError(new PortmeshError("usage", "cannot read a.yaml: ENOENT", { cause: missing })),
    "cannot read a.yaml: ENOENT",
  );
});

t.test("codes of the system are told, and our own are for exit codes", async (t) => {
  t.equal(describeError(Object.assign(new Error("no"), { code: "EPIPE" })), "no (EPIPE)");
  t.equal(describeError(new PortmeshError("cannot-run", "no")), "no");
  t.equal(describeError(new AggregateError([new Error("a"), new Error("b")])), "a; b");
  t.equal(describeError("text"), "text");
});
