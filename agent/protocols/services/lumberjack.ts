/**
 * Lumberjack v2 (Elastic Beats to Logstash): announces a window of no events. The server has nothing to
 * acknowledge then and never speaks first, so keeping the connection is its answer; who does not know the
 * protocol answers with something else, or ends the connection.
 */
import { foreign, open, type Exchange } from "./exchange.ts";

/** `2W` and the number of events that follow before an acknowledgement is due. */
const emptyWindow = Buffer.from([0x32, 0x57, 0, 0, 0, 0]);
/** Of versions 1 and 2: a keep-alive of a busy server, or an acknowledgement of nothing. */
const acknowledgement = /^[12]A/;
/** A server far away needs this long to end a connection that it did not like. */
const patienceMs = 1_000;

export const lumberjack: Exchange = {
  stream: () => ({
    opening: emptyWindow,
    patienceMs,
    mustStay: true,
    read(answer) {
      if (answer.length < 2) return /^[12]/.test(answer.toString("latin1")) ? undefined : foreign(answer);
      return acknowledgement.test(answer.toString("latin1", 0, 2))
        ? open("Lumberjack, which acknowledges")
        : foreign(answer);
    },
  }),
};
