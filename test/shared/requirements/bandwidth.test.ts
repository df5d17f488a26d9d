/** What is made of figures between nodes, and of downloads. */
import t from "tap";
import { bandwidth, bandwidthNeeds } from "../../../shared/requirements/bandwidth.ts";
import type { NodeFacts } from "../../../shared/node-facts.ts";
import type { BandwidthFigure, RequirementFinding } from "../../../shared/requirements/requirement-check.ts";
import { contextOf, plannedOf, requirementOf } from "../../helpers/measured-fixtures.ts";

const row = requirementOf("bandwidth", {
  toward: ["peer"],
  expected: "at least 1 GBps",
  minimum: { value: 1, unit: "Gbit/s" },
});
const expected = "at least 1 GBps, read as 1.00 Gbit/s of the link or 920 Mbit/s of TCP payload";
const figure = (bitsPerSecond: number, impaired?: string): BandwidthFigure => ({
  bitsPerSecond,
  bytes: bitsPerSecond / 8,
  elapsedMs: 1_000,
  ...(impaired === undefined ? {} : { impaired }),
});
const planned = plannedOf(row, [0, 1, 2], [0, 1, 2]);
const judge = (figures: Record<string, BandwidthFigure | string>, which = planned) =>
  bandwidth.judge(which, contextOf({ bandwidth: (from, to) => figures[`${from}>${to}`] }));

t.test("one finding is for all pairs that are good, one for each that is not", (t) => {
  const findings = judge({
    "0>1": figure(9.419e9),
    "1>0": figure(941e6),
    "0>2": figure(919e6),
    "2>0": figure(400e6, "n3: its agent had to wait for a processor"),
    "1>2": "no TCP port between n2 and n3 answered with proof",
  });
  const stream = (mb: string) => `a TCP stream that brought ${mb} MB in 1.0 s`;
  t.same(
    (findings as RequirementFinding[]).map((finding) => ({ ...finding, remedy: undefined })),
    [
      {
        verdict: "warn",
        reason: "low-bandwidth",
        expected,
        actual: "919 Mbit/s",
        from: stream("114.9"),
        node: "n1",
        toward: "n3",
      },
      {
        verdict: "unknown",
        reason: "never-probed",
        node: "n2",
        expected,
        actual: "no TCP port between n2 and n3 answered with proof",
        toward: "n3",
      },
      {
        verdict: "unknown",
        reason: "impaired",
        expected,
        actual: "at least 400 Mbit/s; n3: its agent had to wait for a processor",
        from: stream("50.0"),
        node: "n3",
        toward: "n1",
      },
      {
        verdict: "unknown",
        reason: "never-probed",
        node: "n3",
        expected,
        actual: "not measured",
        toward: "n2",
      },
      {
        verdict: "pass",
        reason: "met",
        expected,
        actual: "941 Mbit/s is the lowest of 2 pairs, from n2 to n1",
        from: stream("117.6"),
      },
    ],
  );
  t.match((findings as RequirementFinding[])[0]!.remedy, /iperf3 -c 10\.0\.0\.3 on n1/);
  t.end();
});

t.test("a full gigabit Ethernet is 1 Gbit/s, though TCP delivers 941 Mbit/s of it", (t) => {
  const two = plannedOf(row, [0], [1]);
  t.match(judge({ "0>1": figure(941e6) }, two), [{ reason: "met", actual: "941 Mbit/s from n1 to n2" }]);
  t.match(judge({ "0>1": figure(900e6) }, two), [{ reason: "low-bandwidth" }]);
  t.end();
});

t.test("what could carry more is good where that is enough already", (t) => {
  const two = plannedOf(row, [0], [1]);
  t.match(judge({ "0>1": figure(2e9, "busy") }, two), [{ verdict: "pass", reason: "met" }]);
  t.end();
});

t.test("where nothing was measured that is one finding, and without pairs or a figure it is stated", (t) => {
  t.strictSame(judge({}), [{ verdict: "unknown", reason: "never-probed", expected, actual: "not measured" }]);
  t.match(judge({}, plannedOf(row, [1], [1])), { stated: /no pair to measure/ });
  const { minimum: _, ...withoutFigure } = row;
  t.match(judge({}, plannedOf(withoutFigure, [0], [1])), { stated: /gives no figure/ });
  const odd = { ...row, minimum: { value: 1, unit: "furlong/s" } };
  t.match(judge({}, plannedOf(odd, [0], [1])), {
    stated: "furlong/s is no unit of a data rate that is known",
  });
  t.end();
});

t.test("each direction is needed once, with the highest of its minima", (t) => {
  const higher = { ...row, name: "higher", minimum: { value: 10, unit: "Gbit/s" } };
  const needs = bandwidthNeeds([
    plannedOf(row, [0, 1], [0, 1]),
    plannedOf(higher, [0], [1]),
    plannedOf(requirementOf("bandwidth", { supplied: ["target"] }), [0], [2]),
    plannedOf(requirementOf("latency", { toward: ["peer"] }), [0], [2]),
    plannedOf({ ...row, stated: "nobody can" }, [0], [2]),
  ]);
  t.strictSame(needs, [
    { from: 0, to: 1, least: 9.2e9 },
    { from: 1, to: 0, least: 0.92e9 },
  ]);
  t.end();
});

t.test("the way out is judged by downloads from what the option names", (t) => {
  const out = requirementOf("bandwidth", {
    toward: ["internet"],
    expected: "at least 100 MBps",
    minimum: { value: 100, unit: "Mbit/s" },
    supplied: ["target"],
  });
  const url = "http://files.example/large";
  const asked = plannedOf(out, [0, 1, 2], [], { target: url });
  t.strictSame(bandwidth.needs!(asked), { downloads: [url] });
  const downloads: NodeFacts["downloads"][] = [
    [{ url, bytes: 125e6, elapsedMs: 1_000, route: "direct" }],
    [{ url, bytes: 1e6, elapsedMs: 1_000, route: "http" }],
    [
      {
        url,
        bytes: 0,
        elapsedMs: 0,
        route: "direct",
        detail: "cannot download from files.example: ENOTFOUND",
      },
    ],
  ];
  const facts = (node: number) => ({ downloads: downloads[node]! }) as NodeFacts;
  t.match(bandwidth.judge(asked, contextOf({ facts })), [
    { reason: "low-bandwidth", node: "n2", actual: "8.00 Mbit/s", from: `a download from ${url} (http)` },
    { reason: "never-probed", node: "n3", actual: "cannot download from files.example: ENOTFOUND" },
    { reason: "met", actual: "1.00 Gbit/s, by n1", from: `a download from ${url}` },
  ]);
  const short = {
    url,
    bytes: 2.5e6,
    elapsedMs: 250,
    route: "direct",
    detail: "the file ended after 250 ms: name a larger one",
  };
  downloads[0] = [short];
  t.match(bandwidth.judge(plannedOf(out, [0], [], { target: url }), contextOf({ facts })), [
    {
      reason: "impaired",
      node: "n1",
      actual: "at least 80.0 Mbit/s; the file ended after 250 ms: name a larger one",
    },
  ]);
  const tiny = "the file ended after 0.5 ms: name a larger one";
  downloads[0] = [{ ...short, bytes: 10_000, elapsedMs: 0.5, detail: tiny }];
  t.match(
    bandwidth.judge(plannedOf(out, [0], [], { target: url }), contextOf({ facts })),
    [{ reason: "never-probed", node: "n1", actual: tiny }],
    "a file that arrives in one piece is no proof of 160 Mbit/s",
  );
  t.match(bandwidth.judge(plannedOf(out, [0], []), contextOf({ facts })), {
    stated: /set the option target to the URL of a large file/,
  });
  t.end();
});

t.test("how it is done is told for both kinds", (t) => {
  t.match(bandwidth.how(row), { how: "measured", text: /streams both ways/ });
  t.match(bandwidth.how(requirementOf("bandwidth", { supplied: ["target"] })), { text: /option target/ });
  t.end();
});
