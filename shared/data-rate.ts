/** Data rates in bits per second: as documents write them, and as people read them. Prefixes are decimal (SI). */
const factors: Readonly<Record<string, number>> = { "": 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** Bits per second that a unit stands for: `Gbit/s`, `Mbps`, `GB/s`; a small b is bits, a large one bytes. Undefined where it is none. */
export function rateUnit(text: string): number | undefined {
  const match = /^([kKMGT]?)(bit\/s|b\/s|bps|B\/s|Bps)$/.exec(text);
  return match === null ? undefined : factors[match[1]!]! * (match[2]!.startsWith("B") ? 8 : 1);
}

const units = [
  [1e12, "Tbit/s"],
  [1e9, "Gbit/s"],
  [1e6, "Mbit/s"],
  [1e3, "kbit/s"],
] as const;

/** `9.41 Gbit/s`: three digits, cut and not rounded, so that less than a minimum never looks like it. */
export function formatRate(bitsPerSecond: number): string {
  const [factor, unit] = units.find(([least]) => bitsPerSecond >= least) ?? [1, "bit/s"];
  const value = bitsPerSecond / factor;
  const digits = factor === 1 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  // A little more, since 0.29 * 100 is 28.999999999999996.
  return `${(Math.floor(value * 10 ** digits + 1e-6) / 10 ** digits).toFixed(digits)} ${unit}`;
}
