import t from "tap";
import { formatRate, rateUnit } from "../../shared/data-rate.ts";

t.test("a small b is bits and a large one bytes, whichever way the unit is written", (t) => {
  const units = { "bit/s": 1, "kbit/s": 1e3, "Mbit/s": 1e6, Gbps: 1e9, "Gb/s": 1e9, "Tbit/s": 1e12 };
  for (const [unit, bits] of Object.entries(units)) t.equal(rateUnit(unit), bits, unit);
  for (const [unit, bits] of Object.entries({ "B/s": 8, MBps: 8e6, "GB/s": 8e9 }))
    t.equal(rateUnit(unit), bits, unit);
  for (const unit of ["", "Gbit", "gbit/s", "GBit/s", "MiB/s", "ms"])
    t.equal(rateUnit(unit), undefined, unit);
  t.end();
});

t.test("a rate is told with three digits, and never as more than it is", (t) => {
  const texts = {
    "0 bit/s": 0,
    "999 bit/s": 999.9,
    "1.00 kbit/s": 1_000,
    "94.1 Mbit/s": 94.19e6,
    "50.0 Mbit/s": 50e6,
    "999 Mbit/s": 999.99e6,
    "9.41 Gbit/s": 9.4199e9,
    "2.00 Tbit/s": 2e12,
  };
  for (const [text, rate] of Object.entries(texts)) t.equal(formatRate(rate), text);
  t.equal(formatRate(0.29e3 * 1_000_000), "290 Mbit/s");
  t.equal(formatRate(1.15e9), "1.15 Gbit/s", "1.15 * 100 is a little less than 115");
  t.end();
});
