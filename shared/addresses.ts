/** IP addresses as text and as 16 bytes. Only canonical literals are accepted: no names, no `0x7f.1`. */
import { isIP } from "node:net";

export type Family = 4 | 6;

/** The family of a canonical literal, or undefined; zone ids (`fe80::1%eth0`) are refused. */
export function familyOf(address: string): Family | undefined {
  const family = address.includes("%") ? 0 : isIP(address);
  return family === 0 ? undefined : (family as Family);
}

/** 16 bytes; IPv4 as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2). The address must be valid. */
export function addressToBytes(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  const embedded = /^(.*:)?([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/.exec(address);
  if (embedded !== null && embedded[1] === undefined) {
    bytes.writeUInt16BE(0xffff, 10);
    for (let index = 0; index < 4; index++) bytes[12 + index] = Number(embedded[index + 2]);
    return bytes;
  }
  const plain =
    embedded === null
      ? address
      : embedded[1]! +
        [0, 2]
          .map((at) => ((Number(embedded[at + 2]) << 8) | Number(embedded[at + 3])).toString(16))
          .join(":");
  const [head = "", tail] = plain.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups =
    tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(parseInt(group, 16), index * 2);
  return bytes;
}

/** The canonical text (RFC 5952) of 16 bytes; IPv4-mapped addresses as dotted quads. */
export function addressFromBytes(bytes: Buffer): string {
  if (bytes.readUInt32BE(8) === 0xffff && bytes.readBigUInt64BE(0) === 0n)
    return bytes.subarray(12, 16).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  const zeros = longestZeroRun(groups);
  if (zeros === undefined) return groups.join(":");
  return `${groups.slice(0, zeros.start).join(":")}::${groups.slice(zeros.start + zeros.length).join(":")}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } | undefined {
  let best: { start: number; length: number } | undefined;
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length >= 2 && length > (best?.length ?? 0)) best = { start, length };
    start += length;
  }
  return best;
}

/** The one spelling under which addresses are compared: `::FFFF:10.0.0.1` and `10.0.0.1` are the same. */
export function canonicalAddress(address: string): string {
  return addressFromBytes(addressToBytes(address));
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || address.startsWith("::ffff:127.");
}

/**
 * Where a node's localhost rows are bound and probed. A node that lives on loopback itself is one of several
 * on one host, and its own address is its localhost.
 */
export function localhostOf(address: string): string {
  if (isLoopback(address)) return address;
  return address.includes(":") ? "::1" : "127.0.0.1";
}

/** `10.0.0.1:443` or `[fd00::1]:443`. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export interface HostAndPort {
  /** A lower-case name, or a canonical address without brackets. */
  host: string;
  port: number | undefined;
}

const hostName =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.?$/;

/** Reads `name`, `10.0.0.1`, `name:587` or `[fd00::1]:587`; undefined where it is none of these. */
export function parseHost(text: string): HostAndPort | undefined {
  const whole = familyOf(text);
  if (whole !== undefined) return { host: canonicalAddress(text), port: undefined };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(text.toLowerCase());
  if (match === null) return undefined;
  const [, bracketed, bare, digits] = match;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  const host = bracketed ?? bare!;
  if (familyOf(host) !== undefined) return { host: canonicalAddress(host), port };
  // Only digits and dots is an address that is not one: 10.0.0.300, 0x7f000001.
  const isName = bracketed === undefined && hostName.test(host) && !/^(0x[0-9a-f]+|[0-9.]+)$/.test(host);
  return isName ? { host: host.replace(/\.$/, ""), port } : undefined;
}
