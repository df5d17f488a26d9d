/** The head of an HTTP answer: its first line and its headers, up to the empty line (RFC 9112 section 2.1). */
export interface HttpHead {
  first: string;
  headers: string[];
  /** In bytes, the empty line included. */
  length: number;
}

/** Undefined while it is not whole within the first `limit` bytes. */
export function readHead(answer: Buffer, limit = answer.length): HttpHead | undefined {
  const text = answer.toString("latin1", 0, limit);
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return undefined;
  const [first = "", ...headers] = text.slice(0, end.index).split(/\r?\n/);
  return { first, headers, length: end.index + end[0].length };
}
