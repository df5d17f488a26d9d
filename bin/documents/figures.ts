/** Numbers of a text as texts, whatever they count: what `expected` promises must be in the document somehow. */
import { addressesIn, hostsIn } from "./mentions.ts";

/** `20K` is written out; `v1.2` is 1.2. Digits within a word (IPv4, SOCKS5), a host name or an address are none. */
const figure = /(?<![\w.])v?(\d+(?:\.\d+)*)(k?)(?!\w)/gi;

export function figuresIn(text: string): string[] {
  const plain = [...hostsIn(text), ...addressesIn(text)].reduce(
    (rest, name) => rest.replaceAll(name, " "),
    text,
  );
  return Array.from(plain.matchAll(figure), ([, number, thousands]) =>
    thousands === "" ? number! : String(Number(number) * 1_000),
  );
}

/** Prose counts in words, and a spec in numbers: "multiple nodes" are 2 at least. */
const wordsFor: Readonly<Record<string, RegExp>> = {
  1: /\b(?:one|single)\b/i,
  2: /\b(?:two|both|second|multiple|several)\b/i,
  3: /\b(?:three|third)\b/i,
};

/** The figures of a document's line, also those it writes as words. */
export function figuresOfLine(line: string): string[] {
  const words = Object.entries(wordsFor).flatMap(([number, word]) => (word.test(line) ? [number] : []));
  return [...figuresIn(line), ...words];
}
