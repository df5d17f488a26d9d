/**
 * Compares a spec's claims with the documents it cites, in both directions: forward, each claim must be
 * in the cited lines, or the spec invents; backward, each port, host and address of a document must be in
 * a row that cites its line, or the spec forgets.
 */
import { normalise, type PortInterval } from "../../shared/ports.ts";
import type { Claims } from "./claims.ts";
import { figuresOfLine } from "./figures.ts";
import type { Mention, PortMention, VendorDocument } from "./mentions.ts";

/**
 * What rows claim that the lines they cite do not mention.
 * @param redirects Targets of redirects that some row found in its lines. A redirect is a fact about the
 * node, said once; rows on the redirected port repeat it, also where they cite another place.
 */
export function inventions(
  title: string,
  document: VendorDocument,
  claims: readonly Claims[],
  redirects: ReadonlySet<number>,
): string[] {
  return claims.flatMap(({ row, cited, ports, redirectTo, hosts, addresses, figures }) => {
    const printed = printedPorts(document, cited);
    const named = new Set(
      [...document.hosts, ...document.addresses]
        .filter(({ line }) => cited.has(line))
        .map(({ text }) => text),
    );
    const numbers = new Set([...cited].flatMap((line) => figuresOfLine(document.lines[line - 1] ?? "")));
    const missing = [
      ...ports.filter((interval) => !isPrinted(interval, printed)).map(describePorts),
      ...(redirectTo === undefined || redirects.has(redirectTo) ? [] : [`a redirect to ${redirectTo}`]),
      ...[...hosts, ...addresses].filter((name) => !named.has(name)),
      ...figures.filter((figure) => !numbers.has(figure)).map((figure) => `the figure ${figure}`),
    ];
    const lines = [...cited].join(",");
    return missing.map((what) => `${title}:${lines}: ${row} has ${what}, which these lines do not mention`);
  });
}

/** The target of a row's redirect, where the lines that it cites mention it. */
export function provenRedirect(document: VendorDocument, { cited, redirectTo }: Claims): number | undefined {
  if (redirectTo === undefined) return undefined;
  return isPrinted([redirectTo, redirectTo], printedPorts(document, cited)) ? redirectTo : undefined;
}

/** A number without its footnote's mark counts only for those who cite the footnote too. */
function printedPorts(document: VendorDocument, cited: ReadonlySet<number>): PortInterval[] {
  return document.ports
    .filter(({ line }) => cited.has(line))
    .flatMap(({ readings }) => readings)
    .filter(({ footnote }) => footnote === undefined || footnote.some((line) => cited.has(line)))
    .map(({ ports }) => ports);
}

/** A range is printed as such, or by both of its ends. */
function isPrinted([first, last]: PortInterval, printed: readonly PortInterval[]): boolean {
  const has = (port: number): boolean => printed.some(([from, to]) => port >= from && port <= to);
  return has(first) && has(last);
}

/** What a document mentions and no row that cites the line has. `claims` are those of all specs on it. */
export function omissions(title: string, document: VendorDocument, claims: readonly Claims[]): string[] {
  const missing = (line: number, what: string): string =>
    `${title}:${line}: ${what} is in no row that cites the line`;
  const nameless = (mentions: readonly Mention[], field: "hosts" | "addresses"): string[] =>
    mentions
      .filter(
        ({ line, text }) => !claims.some((claim) => claim.cited.has(line) && claim[field].includes(text)),
      )
      .map(({ line, text }) => missing(line, `${field === "hosts" ? "host" : "address"} ${text}`));
  return [
    ...document.ports
      .filter((mention) => !isClaimed(mention, claims))
      // The first reading is the number as printed, if that can be a port.
      .map(({ line, readings }) => missing(line, describePorts(readings[0]!.ports))),
    ...nameless(document.hosts, "hosts"),
    ...nameless(document.addresses, "addresses"),
  ];
}

/** Ports that are printed as a range may be claimed by several rows together. */
function isClaimed({ line, readings }: PortMention, claims: readonly Claims[]): boolean {
  const here = claims.filter(({ cited }) => cited.has(line));
  const claimed = normalise(
    here.flatMap(({ ports, redirectTo }) => [
      ...ports,
      ...(redirectTo === undefined ? [] : [single(redirectTo)]),
    ]),
  );
  return readings.some(({ ports: [first, last] }) =>
    claimed.some(([from, to]) => first >= from && last <= to),
  );
}

function single(port: number): PortInterval {
  return [port, port];
}

function describePorts([first, last]: PortInterval): string {
  return first === last ? `port ${first}` : `ports ${first}-${last}`;
}
