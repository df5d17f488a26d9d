/**
 * SMTP as a client that wants to deliver begins it (RFC 5321, RFC 3207): greeting, EHLO, STARTTLS where it is
 * offered, and QUIT, inside of TLS if there is one. Nothing is said of a sender or a mail.
 */
import { hostname } from "node:os";
import { firstLine, foreign, open, type Exchange, type Reading, type Reply } from "./exchange.ts";

const quit = Buffer.from("QUIT\r\n");

export const smtpStarttls: Exchange = {
  stream: ({ mustSecure = false }) => {
    let banner = "";
    let step: "greeting" | "features" | "starttls" = "greeting";

    function onGreeting(reply: SmtpReply): Reading | Reply {
      banner = reply.lines[0]!;
      // 554 and 421 are refusals of a server that is there, and yet no mail gets through it.
      if (reply.code !== 220) return { kind: "wrong-answer", detail: `it does not take mail: ${banner}` };
      step = "features";
      return { say: Buffer.from(`EHLO ${heloName()}\r\n`) };
    }

    function onFeatures({ code, lines }: SmtpReply): Reading | Reply {
      // A server without extensions answers 500 or 502 to EHLO: there is no STARTTLS then.
      const offersTls = code === 250 && lines.some((line) => /^250[ -]STARTTLS\s*$/i.test(line));
      if (offersTls) {
        step = "starttls";
        return { say: Buffer.from("STARTTLS\r\n") };
      }
      return mustSecure ? withoutTls("it does not offer STARTTLS") : open(banner, { farewell: quit });
    }

    function onStarttls({ code, lines }: SmtpReply): Reading {
      if (code === 220) return open(banner, { continueInTls: true, farewell: quit });
      return withoutTls(`it offers STARTTLS and refuses it: ${lines[0]}`);
    }

    function withoutTls(detail: string): Reading {
      return { ...open(detail, { farewell: quit }), kind: "tls-failed" };
    }

    return {
      read(answer) {
        const reply = readReply(answer);
        if (reply === undefined || "kind" in reply) return reply;
        switch (step) {
          case "greeting":
            return onGreeting(reply);
          case "features":
            return onFeatures(reply);
          case "starttls":
            return onStarttls(reply);
        }
      },
    };
  },
};

interface SmtpReply {
  code: number;
  lines: string[];
}

/** RFC 5321 section 4.2: lines with one code, a dash behind it in all but the last. Undefined while that is not whole. */
function readReply(answer: Buffer): SmtpReply | Reading | undefined {
  const lines: string[] = [];
  for (let rest = answer; rest.length > 0;) {
    if (!/^[2-5]/.test(rest.toString("latin1", 0, 1))) return foreign(answer);
    const line = firstLine(rest);
    if (line === undefined) return undefined;
    if (!/^[2-5][0-9]{2}([ -]|$)/.test(line)) return foreign(answer);
    lines.push(line);
    if (line[3] !== "-") return { code: Number(line.slice(0, 3)), lines };
    rest = rest.subarray(rest.indexOf("\n") + 1);
  }
  return undefined;
}

/** A client without a name of its own that all can resolve gives what it has; servers at most write it down. */
function heloName(): string {
  const name = hostname();
  return /^[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?$/i.test(name) ? name : "localhost";
}
