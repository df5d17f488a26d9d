/** Rounds of measurements, one after the other within a round, so that a busy host is busy for all of them. */

/** What one run of a measurement yielded. */
export interface Sample {
  /** See the unit of its measurement. */
  value: number;
  cpuMicros?: number;
  rssMb?: number;
}

/** Probes a second, seconds, 10^9 bits a second and so on; MB are 10^6 bytes. */
export type Unit = "/s" | "s" | "Gbit/s" | "ms" | "%" | "MB" | "series";

export interface Measurement {
  id: string;
  title: string;
  unit: Unit;
  /** Takes minutes: run in the first round only. */
  isOnce?: boolean;
  run: () => Promise<Sample>;
}

/** A ratio of two measurements, or where `to` is absent the value of one, maybe with a bound. */
export interface Comparison {
  title: string;
  of: string;
  /** Of several the one with the best median: a competitor is taken at its best. */
  to?: readonly string[];
  atLeast?: number;
  atMost?: number;
}

export interface Subject {
  measurements: readonly Measurement[];
  comparisons: readonly Comparison[];
}

export interface Figure extends Sample {
  id: string;
  title: string;
  unit: Unit;
}

export interface Verdict {
  title: string;
  measured: number;
  required?: string;
  holds?: boolean;
}

export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** Runs each measurement once a round; a measurement that two subjects share runs once. */
export async function measure(
  measurements: readonly Measurement[],
  rounds: number,
  say: (text: string) => void,
): Promise<Samples> {
  const distinct = [...new Map(measurements.map((each) => [each.id, each])).values()];
  const samples = new Map(distinct.map(({ id }): [string, Sample[]] => [id, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const { id, title, unit, isOnce, run } of distinct) {
      if (isOnce === true && round > 1) continue;
      const sample = await run();
      samples.get(id)!.push(sample);
      say(`round ${round} of ${rounds}: ${title}: ${formatValue(sample.value, unit)}`);
    }
  }
  return samples;
}

export function formatValue(value: number, unit: Unit): string {
  if (unit === "s") return `${value.toFixed(3)} s`;
  if (unit === "Gbit/s") return `${value.toFixed(2)} Gbit/s`;
  if (unit === "%" || unit === "ms" || unit === "MB") return `${value.toFixed(1)} ${unit}`;
  if (unit === "series") return value.toLocaleString("en-US");
  return `${Math.round(value).toLocaleString("en-US")} /s`;
}

export function figureOf({ id, title, unit }: Measurement, samples: Samples): Figure {
  const all = samples.get(id)!;
  const [cpuMicros, rssMb] = [medianOf(all, "cpuMicros"), medianOf(all, "rssMb")];
  return {
    id,
    title,
    unit,
    value: medianOf(all, "value")!,
    ...(cpuMicros === undefined ? {} : { cpuMicros }),
    ...(rssMb === undefined ? {} : { rssMb }),
  };
}

/** The median of the rounds' ratios, not the ratio of the medians: both sides of a ratio saw the same host. */
export function judge({ title, of, to, atLeast, atMost }: Comparison, samples: Samples): Verdict {
  const values = samples.get(of)!.map(({ value }) => value);
  const rival = to?.toSorted(
    (a, b) => medianOf(samples.get(b)!, "value")! - medianOf(samples.get(a)!, "value")!,
  )[0];
  const measured = median(
    rival === undefined ? values : values.map((value, round) => value / samples.get(rival)![round]!.value),
  );
  if (atLeast !== undefined)
    return { title, measured, required: `>= ${atLeast}`, holds: measured >= atLeast };
  if (atMost !== undefined) return { title, measured, required: `<= ${atMost}`, holds: measured <= atMost };
  return { title, measured };
}

function medianOf(samples: readonly Sample[], key: keyof Sample): number | undefined {
  const values = samples.map((sample) => sample[key]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
