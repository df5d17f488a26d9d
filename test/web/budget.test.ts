/** The page as it is sent: small, whole, and without anything that the coordinator's policy would not let run. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import t from "tap";

const root = join(import.meta.dirname, "../..");
const budget = 120 * 1024;

t.test("script and style are at most 120 kB on the wire", async (t) => {
  const sizes = globSync("web/dist/*.gz", { cwd: root }).map((file) => readFileSync(join(root, file)).length);
  t.equal(sizes.length, 2, "sh bin/setup builds the page");
  const total = sizes.reduce((a, b) => a + b, 0);
  t.ok(total <= budget, `${total} bytes`);
});

t.test("the page names what was built, and has nothing inline", async (t) => {
  const html = readFileSync(join(root, "web/dist/index.html"), "utf8");
  const names = Array.from(html.matchAll(/\/assets\/([^"]+)/g), ([, name]) => name!);
  t.same(
    names.toSorted(),
    globSync("web/dist/*.{js,css}", { cwd: root })
      .map((file) => basename(file))
      .toSorted(),
  );
  t.notMatch(html, /<style|<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=/i);
});

t.test("no source makes markup of text", async (t) => {
  for (const file of globSync("web/**/*.{ts,tsx}", { cwd: root, exclude: ["web/dist/**"] }))
    t.notMatch(
      readFileSync(join(root, file), "utf8"),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/,
      file,
    );
});
