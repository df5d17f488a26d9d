import t from "tap";
import { glyphsFor, plain, printable, wantsAscii } from "../../cli/terminal.ts";

t.test("control characters become visible, letters of all languages stay", async (t) => {
  const cases: [text: string, shown: string][] = [
    ["plain text", "plain text"],
    ["Grüße, 世界 ●", "Grüße, 世界 ●"],
    ["\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
    ["a\r\nb\tc", "a\\u000d\\u000ab\\u0009c"],
    ["\u0000\u007f\u0080\u009b\u009f", "\\u0000\\u007f\\u0080\\u009b\\u009f"],
    ["\u200e\u200f\u202a\u202e\u2066\u2069", "\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069"],
  ];
  for (const [text, shown] of cases) t.equal(printable(text), shown);
});

t.test("a locale that is set and is not UTF-8 gets letters", async (t) => {
  const cases: [NodeJS.ProcessEnv, boolean][] = [
    [{}, false],
    [{ LANG: "" }, false],
    [{ LANG: "en_US.UTF-8" }, false],
    [{ LANG: "de_DE.utf8" }, false],
    [{ LANG: "C" }, true],
    [{ LANG: "POSIX" }, true],
    [{ LANG: "en_US.UTF-8", LC_ALL: "C" }, true],
    [{ LANG: "C", LC_CTYPE: "C.UTF-8" }, false],
    [{ LANG: "en_US.UTF-8", LC_ALL: "" }, false],
  ];
  for (const [env, ascii] of cases) t.equal(wantsAscii(env), ascii, JSON.stringify(env));
});

t.test("no two verdicts share a glyph, and letters are ASCII", async (t) => {
  for (const ascii of [true, false]) {
    const { pass, warn, unknown, fail } = glyphsFor(ascii);
    t.equal(new Set([pass, warn, unknown, fail]).size, 4);
  }
  t.match(Object.values(glyphsFor(true)).join(""), /^[\x20-\x7e]+$/);
});

t.test("without colours the text is as it was", async (t) => {
  t.equal(plain("red", "text"), "text");
});
