/**
 * HTTP/2 (RFC 9113), for gRPC: the preface and empty settings. The service answers with its settings, we
 * acknowledge and say goodbye.
 */
import { foreign, mayBegin, open, type Exchange } from "./exchange.ts";

const frameHeaderBytes = 9;
const settings = { type: 4, acknowledge: 1 };
const goAway = 7;

export const http2: Exchange = {
  alpn: ["h2"],
  stream: () => ({
    opening: Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(settings.type, 0)]),
    read(answer) {
      if (mayBegin(answer, "HTTP/1")) return answer.length < 6 ? undefined : foreign(answer);
      if (answer.length < frameHeaderBytes) return undefined;
      const { length, type, stream } = headerOf(answer);
      // The first frame of a server is its settings: entries of six bytes, on stream 0.
      if (type !== settings.type || stream !== 0 || length % 6 !== 0) return foreign(answer);
      // Last stream 0, error code 0: nothing was asked, and nothing is wrong.
      const farewell = [frame(settings.type, settings.acknowledge), frame(goAway, 0, Buffer.alloc(8))];
      return open(`HTTP/2, ${length / 6} settings`, { farewell: Buffer.concat(farewell) });
    },
  }),
};

function headerOf(answer: Buffer): { length: number; type: number; stream: number } {
  return { length: answer.readUIntBE(0, 3), type: answer[3]!, stream: answer.readUInt32BE(5) };
}

function frame(type: number, flags: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  return Buffer.concat([header, payload]);
}
