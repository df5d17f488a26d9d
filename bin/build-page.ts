/**
 * Bundles the dashboard into web/dist: one script and one style sheet, named by what is in them so that browsers may
 * keep them for ever, each also compressed, and the page that loads them.
 */
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const target = join(root, "web/dist");
/** Half a page must never be served: it is written beside, and moved. */
const draft = join(root, `web/.dist-${process.pid}`);

const script = await bundled();
const style = [join(root, "node_modules/uplot/dist/uPlot.min.css"), ...styleSheets()]
  .map((file) => readFileSync(file, "utf8"))
  .join("\n");
rmSync(draft, { recursive: true, force: true });
mkdirSync(draft, { recursive: true });
const scriptName = write("app", "js", script);
const styleName = write("style", "css", style);
writeFileSync(
  join(draft, "index.html"),
  readFileSync(join(root, "web/index.html"), "utf8")
    .replace("app.js", scriptName)
    .replace("style.css", styleName),
);
rmSync(target, { recursive: true, force: true });
renameSync(draft, target);

async function bundled(): Promise<string> {
  await using bundle = await rolldown({
    input: join(root, "web/main.tsx"),
    platform: "browser",
    tsconfig: join(root, "web/tsconfig.json"),
  });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  if (output.length !== 1 || output[0].type !== "chunk")
    throw new Error(`the page is to be one script, and became ${output.length} files`);
  return output[0].code;
}

/** By name: `10-colours.css` comes before what uses it. */
function styleSheets(): string[] {
  return globSync("web/styles/*.css", { cwd: root })
    .toSorted()
    .map((file) => join(root, file));
}

function write(name: string, extension: string, text: string): string {
  const hash = createHash("sha256").update(text).digest("base64url").slice(0, 12);
  const file = `${name}-${hash}.${extension}`;
  writeFileSync(join(draft, file), text);
  writeFileSync(join(draft, `${file}.gz`), gzipSync(text, { level: 9 }));
  writeFileSync(join(draft, `${file}.br`), brotliCompressSync(text));
  return file;
}
