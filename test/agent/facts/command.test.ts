import t from "tap";
import { commandsOn } from "../../../agent/facts/command.ts";
import { says, toolsOf } from "../../helpers/tools.ts";

const signal = new AbortController().signal;

t.test("a tool's answer, its failure and its absence are told apart", async (t) => {
  const run = commandsOn(toolsOf(t, { good: says("yes"), bad: "echo no >&2; exit 3" }));
  t.strictSame(await run("good", [], signal), { out: "yes\n" });
  t.strictSame(await run("bad", [], signal), { failed: "no\n" });
  t.strictSame(await run("portmesh-has-no-such-tool", [], signal), { missing: true });
});

t.test("arguments are no shell's, and tools speak English and know nothing of our environment", async (t) => {
  process.env["PORTMESH_SECRET"] = "x";
  t.teardown(() => delete process.env["PORTMESH_SECRET"]);
  const run = commandsOn(toolsOf(t, { show: 'echo "$1 $LC_ALL ${PORTMESH_SECRET-unset}"' }));
  t.strictSame(await run("show", ["$(id); `id`"], signal), { out: "$(id); `id` C unset\n" });
});

t.test("who takes too long, or says too much, has not answered", async (t) => {
  const run = commandsOn(toolsOf(t, { hang: "exec tail -f /dev/null", flood: "exec cat /dev/zero" }));
  t.match(await run("hang", [], signal), { failed: /too long/ });
  t.match(await run("flood", [], signal, 1_000), { failed: String });
});

t.test("it ends when nobody wants to know any more", async (t) => {
  const run = commandsOn(toolsOf(t, { hang: "exec tail -f /dev/null" }));
  t.match(await run("hang", [], AbortSignal.abort()), { failed: String });
});
