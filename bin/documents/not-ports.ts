/**
 * Numbers in a vendor's document that are no ports. Everything else from 1 to 65535 is taken for one: a
 * number too many is a finding that a person looks at once, a port too few is a requirement nobody notices.
 */

/** Each with what such a number is; all are tried, in this order. */
const notPorts = [
  { what: "a phone number", pattern: /\+?\d{1,3}[- ]\d{3}[- ]\d{3}[- ]\d{4}\b/g },
  { what: "a date, which would read as a range", pattern: /\b\d{4}-\d{2}-\d{2}\b/g },
  { what: "an amount with its unit", pattern: /\b\d+\s*(?:%|[kmgt]i?b(?:ps|\/s|it\/s)?\b|ms\b)/gi },
  {
    what: "the number of a part of the text",
    pattern: /\b(?:no\.|part|section|chapter|step|figure)\s*\d+/gi,
  },
  { what: "the number of a paragraph or list item", pattern: /^\s*\d{1,2}[.)]\s|\(\d{1,2}\)/g },
  { what: "the head of a compound word, such as 30-day", pattern: /\b\d+-(?=[a-z])/gi },
  // No product asks for a port below 10 (echo, discard, daytime); footnotes, layers and the like stand there.
  { what: "one digit, if no range begins with it", pattern: /(?<![\w.-])\d(?![\w.]|\s*[-–]\s*\d)/g },
] as const;

/** The line with such numbers replaced by spaces, so that what is left keeps its place. */
export function withoutNumbersThatAreNoPorts(line: string): string {
  return notPorts.reduce((text, { pattern }) => blank(text, pattern), line);
}

export function blank(text: string, pattern: RegExp): string {
  return text.replace(pattern, (match) => " ".repeat(match.length));
}
