/**
 * Reads the server name out of a TLS ClientHello (RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3)
 * without ending TLS: that much of a connection is readable by anybody on the way.
 */

/** A ClientHello over this is nobody's we know; a post-quantum one has about 2 KB. */
export const maxHelloBytes = 16 * 1024;

/** RFC 8446 section 5.1: the content type of a handshake record. */
export const handshakeRecord = 0x16;
const recordHeaderBytes = 5;
const clientHello = 1;
const serverNameExtension = 0;
const hostName = 0;

/** `incomplete` while more bytes are needed; then the name, or undefined where there is none to be read. */
export type HelloReading = { state: "incomplete" } | { state: "read"; serverName: string | undefined };

const nameless: HelloReading = { state: "read", serverName: undefined };
const incomplete: HelloReading = { state: "incomplete" };

/** What the first bytes of a connection say. Never throws, whatever they are. */
export function readClientHello(bytes: Buffer): HelloReading {
  const handshake = handshakeIn(bytes);
  if (handshake === undefined) return nameless;
  if (handshake.length < 4) return bytes.length < maxHelloBytes ? incomplete : nameless;
  if (handshake[0] !== clientHello) return nameless;
  const length = handshake.readUIntBE(1, 3);
  if (length > maxHelloBytes) return nameless;
  if (handshake.length < 4 + length) return bytes.length < maxHelloBytes ? incomplete : nameless;
  try {
    return { state: "read", serverName: serverNameOf(new Reader(handshake.subarray(4, 4 + length))) };
  } catch (error) {
    if (error instanceof RangeError) return nameless;
    throw error;
  }
}

/** The handshake message so far, put together from its records; undefined where one is not a handshake's. */
function handshakeIn(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== handshakeRecord) return undefined;
    if (bytes.length < at + recordHeaderBytes) break;
    const end = at + recordHeaderBytes + bytes.readUInt16BE(at + 3);
    // An empty record brings nothing nearer (and RFC 8446 forbids it).
    if (end === at + recordHeaderBytes) return undefined;
    parts.push(bytes.subarray(at + recordHeaderBytes, end));
    at = end;
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function serverNameOf(hello: Reader): string | undefined {
  hello.skip(2 + 32); // version, random
  hello.vector(1); // session
  hello.vector(2); // cipher suites
  hello.vector(1); // compression
  if (hello.isAtEnd) return undefined;
  const extensions = hello.vector(2);
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const extension = extensions.vector(2);
    if (type !== serverNameExtension) continue;
    const names = extension.vector(2);
    return names.number(1) === hostName ? names.vector(2).text() : undefined;
  }
  return undefined;
}

/** Reads onwards; a RangeError where the bytes end before what they announce. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new RangeError("the bytes end early");
    const skipped = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return skipped;
  }

  number(size: 1 | 2): number {
    return this.skip(size).readUIntBE(0, size);
  }

  /** What follows its own length. */
  vector(lengthSize: 1 | 2): Reader {
    return new Reader(this.skip(this.number(lengthSize)));
  }

  text(): string {
    return this.#bytes.toString("latin1");
  }
}
