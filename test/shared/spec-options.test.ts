import t from "tap";
import {
  conditionHolds,
  conditionProblem,
  describeCondition,
  optionValueProblem,
  type Condition,
  type OptionValue,
  type OptionValues,
  type SpecOption,
} from "../../shared/spec-options.ts";

const options: Record<string, SpecOption> = {
  region: { description: "Where", type: "choice", values: ["us", "eu"] },
  addons: { description: "What else", type: "choices", values: ["ntp", "smtp"] },
  release: { description: "Which", type: "version" },
  gateway: { description: "Port", type: "port" },
  proxy: { description: "Host", type: "host" },
  offline: { description: "Without internet", type: "flag" },
};

t.test("a condition holds as its options are set", async (t) => {
  const cases: [Condition | undefined, OptionValues, boolean][] = [
    [undefined, {}, true],
    [{ region: "us" }, { region: "us" }, true],
    [{ region: "us" }, { region: "eu" }, false],
    [{ region: ["us", "eu"] }, { region: "eu" }, true],
    [{ addons: "ntp" }, { addons: ["smtp", "ntp"] }, true],
    [{ offline: true }, { offline: true }, true],
    [{ offline: true }, { offline: false }, false],
    [{ region: "us", offline: true }, { region: "us", offline: false }, false],
    [[{ region: "us" }, { offline: true }], { region: "eu", offline: true }, true],
  ];
  for (const [condition, values, holds] of cases) {
    t.equal(conditionHolds(condition, values), holds, JSON.stringify([condition, values]));
  }
});

t.test("an option that nobody set satisfies no condition", async (t) => {
  t.notOk(conditionHolds({ region: ["us", "eu"] }, {}));
  t.notOk(conditionHolds({ release: "<2" }, {}));
  t.notOk(conditionHolds({ offline: false }, {}));
});

t.test("versions compare number by number", async (t) => {
  const cases: [comparison: string, version: string, boolean][] = [
    ["<1.166", "1.9", true],
    ["<1.166", "1.166", false],
    ["<=1.166", "1.166.0", true],
    ["=1.166", "1.166", true],
    [">=1.166", "1.170", true],
    ["> 1.166", "1.166.1", true],
    [">1.166", "1.166", false],
  ];
  for (const [comparison, version, holds] of cases) {
    t.equal(conditionHolds({ release: comparison }, { release: version }), holds, `${version} ${comparison}`);
  }
});

t.test("a condition reads as words in a report", async (t) => {
  t.equal(describeCondition({ region: "us", offline: true }), "region is us and offline is true");
  t.equal(
    describeCondition([{ region: ["us", "eu"] }, { release: "<1.166" }]),
    "region is us or eu, or release <1.166",
  );
});

t.test("a condition that can never hold is a mistake of the spec", async (t) => {
  const names = "region, addons, release, gateway, proxy, offline";
  const cases: [Condition, string | undefined][] = [
    [{ region: "us" }, undefined],
    [{ release: ">=1.166" }, undefined],
    [{ zone: "us" }, `unknown option zone; this spec has ${names}`],
    [{ region: "asia" }, "region cannot be asia; it is one of us, eu"],
    [[{ region: "us" }, { addons: ["ntp", "dns"] }], "addons cannot be dns; it is one of ntp, smtp"],
    [{ release: "1.166" }, "release is a version: compare it with <, <=, =, >= or >, as in '<1.166'"],
  ];
  for (const [condition, problem] of cases) {
    t.equal(conditionProblem(condition, options), problem, JSON.stringify(condition));
  }
});

t.test("a value of the wrong kind is refused by a sentence that says what fits", async (t) => {
  const cases: [name: string, OptionValue, string | undefined][] = [
    ["region", "us", undefined],
    ["region", "asia", "region must be one of us, eu; found asia"],
    ["region", ["us"], "region takes one value, not a list"],
    ["addons", ["ntp", "smtp"], undefined],
    ["addons", ["ntp", "dns"], "addons must be one of ntp, smtp; found dns"],
    ["release", "1.166", undefined],
    ["release", "latest", 'release must be a version such as "1.166" (in quotes); found latest'],
    ["gateway", 443, undefined],
    ["gateway", 65_536, "gateway must be a port from 1 to 65535; found 65536"],
    ["gateway", "https", "gateway must be a port from 1 to 65535; found https"],
    ["proxy", "proxy.example", undefined],
    ["proxy", ["10.0.0.1", "proxy.example:3128"], undefined],
    [
      "proxy",
      8080,
      "proxy must be a host name or address, maybe with a port (mail.example.com:587), or a list of these; found 8080",
    ],
    ["offline", true, undefined],
    ["offline", "yes", "offline must be true or false; found yes"],
  ];
  for (const [name, value, problem] of cases) {
    t.equal(optionValueProblem(name, options[name]!, value), problem, `${name}: ${JSON.stringify(value)}`);
  }
});
