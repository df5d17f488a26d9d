import t from "tap";
import { formatDuration, parseDuration } from "../../shared/duration.ts";

t.test("a duration needs its unit and nothing else", async (t) => {
  const cases: [text: string, ms: number | undefined][] = [
    ["500ms", 500],
    ["30s", 30_000],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["1.5s", 1_500],
    ["0s", 0],
    ["30", undefined],
    ["s", undefined],
    ["-1s", undefined],
    ["1 s", undefined],
    [".5s", undefined],
    ["1m30s", undefined],
    ["1S", undefined],
    ["", undefined],
  ];
  for (const [text, ms] of cases) t.equal(parseDuration(text), ms, JSON.stringify(text));
});

t.test("people read a duration in the unit that fits", async (t) => {
  const cases: [ms: number, text: string][] = [
    [0.25, "0.3 ms"],
    [9.94, "9.9 ms"],
    [10, "10 ms"],
    [850.4, "850 ms"],
    [1_000, "1.0 s"],
    [9_840, "9.8 s"],
    [60_000, "1 m 00 s"],
    [125_000, "2 m 05 s"],
  ];
  for (const [ms, text] of cases) t.equal(formatDuration(ms), text, `${ms}`);
});

t.test("the seconds beside minutes never round up to sixty", async (t) => {
  t.equal(formatDuration(119_600), "2 m 00 s");
});
