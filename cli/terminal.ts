/** Where a command's output goes and how it may look: colour only on a terminal, a glyph always beside it. */
import { styleText } from "node:util";
import type { Verdict } from "../shared/names.ts";

export interface Terminal {
  /** The result. */
  out: NodeJS.WriteStream;
  /** Progress, hints and errors. */
  err: NodeJS.WriteStream;
  ascii: boolean;
}

type Style = Parameters<typeof styleText>[0];

export const styleOf: Readonly<Record<Verdict, Style>> = {
  pass: "green",
  warn: "yellow",
  unknown: "magenta",
  fail: "red",
};

const glyphs = {
  unicode: {
    pass: "●",
    warn: "!",
    unknown: "?",
    fail: "×",
    none: "·",
    self: "-",
    arrow: "→",
    more: "…",
    separator: " · ",
  },
  ascii: {
    pass: "o",
    warn: "!",
    unknown: "?",
    fail: "x",
    none: ".",
    self: "-",
    arrow: "->",
    more: "...",
    separator: ", ",
  },
} as const;
export type Glyphs = Readonly<Record<keyof (typeof glyphs)["unicode"], string>>;

/** Turns text into styled text for one stream; `NO_COLOR` and `FORCE_COLOR` are honoured. */
export type Paint = (style: Style, text: string) => string;

export function painter(stream: NodeJS.WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

export const plain: Paint = (_style, text) => text;

export function glyphsFor(ascii: boolean): Glyphs {
  return ascii ? glyphs.ascii : glyphs.unicode;
}

/** A locale that is set and is not UTF-8 gets letters instead of symbols. */
export function wantsAscii(env: NodeJS.ProcessEnv): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"];
  return locale !== undefined && locale !== "" && !/utf-?8/i.test(locale);
}

/** Escapes control characters: what came from the network must not drive the terminal. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
