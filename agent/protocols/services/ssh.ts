/**
 * SSH (RFC 4253): exchanges identifications and disconnects by a message, since OpenSSH logs an error where
 * a peer leaves without one. The message is in the clear, which is allowed before the keys are exchanged.
 */
import { firstLine, foreign, mayBegin, open, type Exchange } from "./exchange.ts";

const disconnect = 1;
const byApplication = 11;
/** Packets are padded to eight bytes before there is a cipher, by four at least. */
const blockBytes = 8;

export const ssh: Exchange = {
  stream: () => ({
    opening: Buffer.from("SSH-2.0-Portmesh\r\n"),
    read(answer) {
      if (!mayBegin(answer, "SSH-")) return foreign(answer);
      const line = firstLine(answer);
      return line === undefined ? undefined : open(line, { farewell: packet(disconnectMessage()) });
    },
  }),
};

function disconnectMessage(): Buffer {
  const text = Buffer.from("port checked");
  const message = Buffer.alloc(1 + 4 + 4 + text.length + 4);
  message[0] = disconnect;
  message.writeUInt32BE(byApplication, 1);
  message.writeUInt32BE(text.length, 5);
  text.copy(message, 9);
  return message;
}

function packet(payload: Buffer): Buffer {
  const unpadded = 5 + payload.length;
  let padding = blockBytes - (unpadded % blockBytes);
  if (padding < 4) padding += blockBytes;
  const header = Buffer.alloc(5);
  header.writeUInt32BE(1 + payload.length + padding);
  header[4] = padding;
  return Buffer.concat([header, payload, Buffer.alloc(padding)]);
}
