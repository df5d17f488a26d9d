/** How a reason looks: a closed list of looks, each with a colour, a word and a sign of its own. */
import { verdictOf, type Reason, type Verdict } from "../../shared/names.ts";
import { reasonCodes } from "../../shared/reason-codes.ts";

/** `none` is no path between the two, `stale` an unknown that was known once, `same` what a comparison leaves out. */
export const looks = ["none", "pass", "warn", "unknown", "stale", "fail", "same"] as const;
export type Look = (typeof looks)[number];

export const words: Readonly<Record<Look, string>> = {
  none: "no path",
  pass: "pass",
  warn: "warn",
  unknown: "unknown",
  stale: "stale",
  fail: "fail",
  same: "unchanged",
};

const lookOfCode: readonly Look[] = [
  "none",
  ...reasonCodes.map((reason): Look => (reason === "stale" ? "stale" : verdictOf(reason))),
];

/** A code that no reason has: what a comparison leaves out. */
export const sameCode = 255;

/** From best to worst; no path is the least. Verdicts as the server orders them, with stale among the unknown. */
const order: readonly Look[] = ["none", "same", "pass", "warn", "unknown", "fail"];

/** By code, how bad it is. */
export const severityOf: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const look = lookOf(code);
  return order.indexOf(look === "stale" ? "unknown" : look);
});

export function lookOf(code: number): Look {
  return code === sameCode ? "same" : (lookOfCode[code] ?? "unknown");
}

/** Undefined where there is no path. */
export function reasonOf(code: number): Reason | undefined {
  return reasonCodes[code - 1];
}

/** Undefined where there is no path. */
export function verdictOfCode(code: number): Verdict | undefined {
  const reason = reasonOf(code);
  return reason === undefined ? undefined : verdictOf(reason);
}
