/** The file that lets agents join is a secret, never replaces somebody's file, and does not stay. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { writeJoinFile } from "../../cli/join-file.ts";
import { PortmeshError } from "../../shared/errors.ts";
import { joinStringPrefix } from "../../shared/join-string.ts";

const [mine, other] = [`${joinStringPrefix}mine`, `${joinStringPrefix}other`];
const pathIn = (t: Test): string => join(t.testdir({}), "portmesh.join");
const modeOf = (path: string): number => statSync(path).mode & 0o777;

function refusalOf(write: () => unknown): PortmeshError {
  try {
    write();
  } catch (error) {
    if (error instanceof PortmeshError) return error;
  }
  throw new Error("it was not refused");
}

t.test("it is for its owner only, and removed at the end", async (t) => {
  const path = pathIn(t);
  {
    using _file = writeJoinFile(path, mine);
    t.equal(readFileSync(path, "utf8"), `${mine}\n`);
    t.equal(modeOf(path), 0o600);
  }
  t.notOk(existsSync(path));
});

t.test("one that was left behind, or is empty, is replaced, and its mode with it", async (t) => {
  for (const before of [`${other}, which is much longer than what comes\n`, "", "\n"]) {
    const path = pathIn(t);
    writeFileSync(path, before, { mode: 0o644 });
    using _file = writeJoinFile(path, mine);
    t.equal(readFileSync(path, "utf8"), `${mine}\n`);
    t.equal(modeOf(path), 0o600);
  }
});

t.test("somebody else's file is refused and stays as it was", async (t) => {
  const path = pathIn(t);
  for (const content of ["name: prod\n", ` ${mine}`, "\0"]) {
    writeFileSync(path, content, { mode: 0o644 });
    const { code, message, next } = refusalOf(() => writeJoinFile(path, mine));
    t.equal(code, "usage");
    t.equal(message, `--join-file ${path}: the file exists and is no join file`);
    t.equal(next, "Choose another place, or remove it yourself.");
    t.equal(readFileSync(path, "utf8"), content);
    t.equal(modeOf(path), 0o644);
  }
});

t.test("the file of a coordinator that came later is not removed", async (t) => {
  const path = pathIn(t);
  using _later = (() => {
    using _first = writeJoinFile(path, mine);
    return writeJoinFile(path, other);
  })();
  t.equal(readFileSync(path, "utf8"), `${other}\n`);
});

t.test(
  "a place that cannot be written to is named, and one that is gone at the end is no error",
  async (t) => {
    const folder = t.testdir({});
    const missing = join(folder, "missing", "portmesh.join");
    t.match(
      refusalOf(() => writeJoinFile(missing, mine)),
      {
        code: "cannot-run",
        message: `cannot write the join file ${missing}: ENOENT`,
      },
    );
    mkdirSync(join(folder, "folder"));
    t.match(refusalOf(() => writeJoinFile(join(folder, "folder"), mine)).message, /EISDIR/);
    const path = join(folder, "portmesh.join");
    const file = writeJoinFile(path, mine);
    writeJoinFile(path, mine)[Symbol.dispose]();
    t.doesNotThrow(() => file[Symbol.dispose]());
  },
);
