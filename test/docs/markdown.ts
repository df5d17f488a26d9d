/** What the tests of the documentation read out of Markdown. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** Every page of the repository, relative to its root. */
export function pages(): string[] {
  return globSync(["*.md", "{docs,specs,deploy,bench,test}/**/*.md"], { cwd: root }).toSorted();
}

export function readPage(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** The contents of the fenced blocks of one language. */
export function fenced(markdown: string, language: string): string[] {
  const blocks = markdown.matchAll(/^( *)```([a-z]*)\n([\s\S]*?)^\1```$/gm);
  return Array.from(blocks).flatMap(([, indent = "", found, text = ""]) =>
    found === language ? [text.replaceAll(new RegExp(`^${indent}`, "gm"), "")] : [],
  );
}

export function withoutFences(markdown: string): string {
  return markdown.replaceAll(/^( *)```[a-z]*\n[\s\S]*?^\1```$/gm, "");
}

/** The fragments under which the headings of a page can be linked to. */
export function anchors(markdown: string): Set<string> {
  const headings = withoutFences(markdown).matchAll(/^#+ (.+)$/gm);
  return new Set(Array.from(headings, ([, heading = ""]) => slug(heading)));
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s-]/gu, "")
    .replaceAll(/\s/g, "-");
}
