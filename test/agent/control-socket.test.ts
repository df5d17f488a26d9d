/** The Unix socket of an agent: who may open it, what it takes, and what is left of a dead one. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { askAgent, listenForCommands, type YieldRequest } from "../../agent/control-socket.ts";
import { defaultStateDir, prepareStateDir, socketPath } from "../../agent/state-dir.ts";

const request: YieldRequest = { command: "yield", port: 5_432, transports: ["tcp"], forMs: 1_000 };
const agree = (asked: YieldRequest) =>
  Promise.resolve({ ok: true as const, node: "n1", givenUp: [], until: `${asked.port}` });

/** The usual folders of tests have paths that are too long for sockets. */
function shortFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "portmesh-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

t.test("only its user can open it, and it goes with the agent", async (t) => {
  const path = join(shortFolder(t), "n1.sock");
  const umask = process.umask(0);
  process.umask(umask);
  {
    await using _socket = await listenForCommands(path, agree);
    t.equal(statSync(path).mode & 0o777, 0o600);
    t.strictSame(await askAgent(path, request), { ok: true, node: "n1", givenUp: [], until: "5432" });
    await t.rejects(listenForCommands(path, agree), { message: /another agent listens there/ });
    t.match(await askAgent(path, request), { ok: true }, "who came second took nothing from the first");
  }
  t.notOk(existsSync(path));
  t.equal(process.umask(), umask, "the process keeps its own mask");
});

t.test("the socket file of a dead agent is replaced, another file is not", async (t) => {
  const folder = shortFolder(t);
  const path = join(folder, "n1.sock");
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
  const dying = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(dying.stdout, "data");
  dying.kill("SIGKILL");
  await once(dying, "exit");
  t.ok(existsSync(path), "it left its file");
  await t.rejects(askAgent(path, request), { code: "ECONNREFUSED" });
  await using _socket = await listenForCommands(path, agree);
  t.match(await askAgent(path, request), { ok: true });
  const file = join(folder, "n2.sock");
  writeFileSync(file, "somebody's");
  await t.rejects(listenForCommands(file, agree), { code: "EADDRINUSE" });
  t.equal(statSync(file).size, 10);
});

t.test("what is no request gets no answer and does no harm", async (t) => {
  const path = join(shortFolder(t), "n1.sock");
  let handled = 0;
  await using _socket = await listenForCommands(path, (asked) => {
    handled++;
    return asked.port === 1 ? Promise.reject(new Error("a defect")) : agree(asked);
  });
  const wrong: unknown[] = [
    { ...request, command: "shoot" },
    { ...request, port: 0 },
    { ...request, port: 65_536 },
    { ...request, port: 1.5 },
    { ...request, forMs: -1 },
    { ...request, forMs: 1e12 },
    { ...request, transports: ["icmp"] },
    { ...request, transports: "tcp" },
    null,
    [],
    "yield",
  ];
  for (const each of wrong)
    await t.rejects(
      askAgent(path, each as YieldRequest),
      { message: /does not answer/ },
      JSON.stringify(each),
    );
  for (const bytes of ["not json\n", "x".repeat(5_000), "\n"]) {
    const socket = connect({ path });
    socket.on("error", () => {});
    socket.write(bytes);
    socket.resume();
    await once(socket, "close");
  }
  t.equal(handled, 0);
  await t.rejects(askAgent(path, { ...request, port: 1 }), { message: /does not answer/ });
  t.match(await askAgent(path, request), { ok: true }, "it listens on");
});

t.test("the folder: of root, of the session, or private in the temporary folder", async (t) => {
  t.equal(defaultStateDir({ XDG_RUNTIME_DIR: "/run/user/0" }, 0), "/run/portmesh");
  t.equal(defaultStateDir({ XDG_RUNTIME_DIR: "/run/user/1000" }, 1_000), "/run/user/1000/portmesh");
  t.match(defaultStateDir({}, 1_000), /\/portmesh-1000$/);
  t.match(defaultStateDir({ XDG_RUNTIME_DIR: "" }, 1_000), /\/portmesh-1000$/);
});

t.test("a folder in which others could put a socket is refused", async (t) => {
  const root = shortFolder(t);
  const uid = process.getuid!();
  const made = join(root, "a/b");
  prepareStateDir(made, uid);
  t.equal(statSync(made).mode & 0o777, 0o700);
  prepareStateDir(made, uid);
  const open = join(root, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  const link = join(root, "link");
  symlinkSync(made, link);
  writeFileSync(join(root, "file"), "");
  for (const folder of [open, link, join(root, "file")])
    t.throws(() => prepareStateDir(folder, uid), { code: "cannot-run" }, folder);
  if (uid === 0) t.doesNotThrow(() => prepareStateDir(made, 1_000), "a folder of root is fine for everybody");
});

t.test("an impossible name or path is told with what to do", async (t) => {
  t.equal(socketPath("/run/portmesh", "n1"), "/run/portmesh/n1.sock");
  t.throws(() => socketPath(`/${"x".repeat(100)}`, "n1"), {
    message: /is too long for a socket: 109 bytes of at most 107/,
    next: /--state-dir/,
  });
  t.doesNotThrow(() => socketPath(`/${"x".repeat(98)}`, "n1"));
  for (const name of ["../n1", "", "N1", "a/b", "."])
    t.throws(() => socketPath("/run", name), { code: "usage" });
});
