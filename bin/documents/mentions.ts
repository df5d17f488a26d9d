/** Finds what a vendor's document mentions: ports and ranges of ports, host names, IPv4 addresses, each with its line. */
import type { PortInterval } from "../../shared/ports.ts";
import { blank, withoutNumbersThatAreNoPorts } from "./not-ports.ts";

export interface Mention {
  /** Counts from 1. */
  line: number;
  text: string;
}

export interface PortMention extends Mention {
  /** What the number may mean. There are two where its last digit may be the mark of a footnote. */
  readings: readonly PortReading[];
}

interface PortReading {
  ports: PortInterval;
  /** Lines of the footnote whose mark was cut off. Only a row that cites one of them may read it so. */
  footnote?: readonly number[];
}

export interface VendorDocument {
  lines: readonly string[];
  ports: readonly PortMention[];
  hosts: readonly Mention[];
  addresses: readonly Mention[];
}

/** The target of a Markdown link is there for the reader, not for a node. */
const linkTarget = /\]\([^)]*\)/g;
const address = /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)(?:\/\d+)?/g;
const host = /(?<![\w.-])(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z]{2,}(?![\w-])/gi;
/** Digits with a dot before or after them belong to a version. */
const port =
  /(?<![\w.])(?<first>\d{1,6})(?:\s*(?:-|–|\bto\b)\s*(?<last>\d{1,5})|(?<thousands>k)?(?<open>\+))?(?![\w]|[.-]\d)/gi;
const highestPort = 65535;

export function readVendorDocument(text: string): VendorDocument {
  const lines = linesOf(text);
  const footnotes = footnotesOf(lines);
  const numbered = lines.map((line, index) => ({ line: index + 1, text: blank(line, linkTarget) }));
  return {
    lines,
    ports: numbered.flatMap(({ line, text: found }) =>
      portsIn(found, footnotes).map((mention) => ({ line, ...mention })),
    ),
    hosts: numbered.flatMap(({ line, text: found }) => hostsIn(found).map((name) => ({ line, text: name }))),
    addresses: numbered.flatMap(({ line, text: found }) =>
      addressesIn(found).map((name) => ({ line, text: name })),
    ),
  };
}

/** Lines as `cat -n` counts them: what follows the last line break is a line only if there is something. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** In lower case and without the asterisk of a wildcard, as specs write them. */
export function hostsIn(text: string): string[] {
  return Array.from(blank(text, address).matchAll(host), ([name]) => name.toLowerCase().replace("*.", ""));
}

export function addressesIn(text: string): string[] {
  return Array.from(text.matchAll(address), ([name]) => name.split("/")[0]!);
}

export function portsIn(text: string, footnotes: Footnotes = new Map()): Omit<PortMention, "line">[] {
  const plain = withoutNumbersThatAreNoPorts(blank(blank(text, address), host));
  return Array.from(plain.matchAll(port), ({ 0: printed, groups }) => ({
    text: printed,
    readings: readingsOf(
      groups as Partial<Record<"first" | "last" | "thousands" | "open", string>>,
      footnotes,
    ),
  })).filter(({ readings }) => readings.length > 0);
}

/** Lines that are one digit alone, by that digit: each starts a footnote. */
type Footnotes = ReadonlyMap<string, readonly number[]>;

function footnotesOf(lines: readonly string[]): Footnotes {
  const footnotes = new Map<string, number[]>();
  for (const [index, line] of lines.entries()) {
    if (/^\d$/.test(line.trim()))
      footnotes.set(line.trim(), [...(footnotes.get(line.trim()) ?? []), index + 1]);
  }
  return footnotes;
}

/** `20K+` is every port from 20000, `5701-5710` a range, and `84431` port 8443 where there is a footnote 1. */
function readingsOf(
  { first = "", last, thousands, open }: Partial<Record<"first" | "last" | "thousands" | "open", string>>,
  footnotes: Footnotes,
): PortReading[] {
  const from = Number(first) * (thousands === undefined ? 1 : 1_000);
  const to = open === undefined ? Number(last ?? from) : highestPort;
  const readings: PortReading[] = [];
  if (from >= 1 && from <= to && to <= highestPort) readings.push({ ports: [from, to] });
  const footnote = footnotes.get(first.at(-1)!);
  const unmarked = Math.floor(Number(first) / 10);
  const mayBeMarked = last === undefined && open === undefined && unmarked >= 1 && unmarked <= highestPort;
  if (footnote !== undefined && mayBeMarked) readings.push({ ports: [unmarked, unmarked], footnote });
  return readings;
}
