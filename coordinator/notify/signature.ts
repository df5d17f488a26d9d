/**
 * How receivers know that a message is ours and of now: the headers of Standard Webhooks
 * (https://www.standardwebhooks.com), for which there are libraries.
 */
import { createHmac } from "node:crypto";

const prefix = "whsec_";
const keyBytes = { least: 24, most: 64 } as const;

/** A line a key, in base64 with or without `whsec_`; undefined where a line is none. */
export function readKeys(text: string): Buffer[] | undefined {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const keys = lines.map((line) => {
    const base64 = line.startsWith(prefix) ? line.slice(prefix.length) : line;
    return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, "base64") : Buffer.alloc(0);
  });
  const isSound = ({ length }: Buffer): boolean => length >= keyBytes.least && length <= keyBytes.most;
  return keys.length > 0 && keys.every(isSound) ? keys : undefined;
}

/** `at` in milliseconds since 1970; each key signs, so that receivers may know either while it is changed. */
export function signatureHeaders(
  id: string,
  at: number,
  body: string,
  keys: readonly Buffer[],
): Record<string, string> {
  const timestamp = `${Math.floor(at / 1_000)}`;
  const signatures = keys.map(
    (key) => `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`,
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    ...(signatures.length === 0 ? {} : { "webhook-signature": signatures.join(" ") }),
  };
}
