/** Round trips of one target differ from sweep to sweep: by a tenth or so, and at times by much. In buckets of `rttBucket`. */
export function noiseOf(length: number): Int8Array {
  return Int8Array.from({ length }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    const spike = Math.random() < 0.02 ? 3 + Math.random() * 25 : 0;
    return Math.round(1.2 * normal + spike);
  });
}
