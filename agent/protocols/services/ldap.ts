/**
 * LDAP (RFC 4511): reads the root entry, which every server shows to everybody, and unbinds. A refusal in
 * LDAP's own words is an answer too.
 */
import { foreign, open, type Exchange } from "./exchange.ts";

const messageId = 1;
const sequence = 0x30;
const integer = 0x02;

/** Base object "", no attributes ("1.1"), filter (objectClass=*). */
const rootSearch = Buffer.concat([
  Buffer.from([sequence, 0x2a, integer, 1, messageId]),
  Buffer.from([0x63, 0x25, 0x04, 0, 0x0a, 1, 0, 0x0a, 1, 0, integer, 1, 1, integer, 1, 5, 0x01, 1, 0]),
  Buffer.from([0x87, 11]),
  Buffer.from("objectClass"),
  Buffer.from([sequence, 5, 0x04, 3]),
  Buffer.from("1.1"),
]);
const unbind = Buffer.from([sequence, 5, integer, 1, 2, 0x42, 0]);

export const ldap: Exchange = {
  stream: () => ({
    opening: rootSearch,
    read(answer) {
      if (answer[0] !== sequence) return foreign(answer);
      const at = bodyOf(answer);
      if (at === undefined || answer.length < at + 4) return undefined;
      // Id 0 is the notice of a server that disconnects.
      const id = answer[at + 2];
      const isMessage = answer[at] === integer && answer[at + 1] === 1 && (id === messageId || id === 0);
      if (!isMessage) return foreign(answer);
      return open(id === 0 ? "LDAP, which disconnects" : "LDAP", { farewell: unbind });
    },
  }),
};

/** Where the content begins, behind a length of one or several bytes; undefined while that is not whole. */
function bodyOf(answer: Buffer): number | undefined {
  const length = answer[1];
  if (length === undefined) return undefined;
  return length < 0x80 ? 2 : 2 + (length & 0x7f);
}
