/** A check without a coordinator, as processes: render, one agent a node, merge; and everything that can be wrong with a bundle. */
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { Check } from "typebox/value";
import { signBundle } from "../../agent/bundle-file.ts";
import type { Bundle, OfflinePlan } from "../../shared/offline.ts";
import { ReportSchema, type Report } from "../../shared/report.ts";
import { portmesh, Running, smallSpec, type Finished } from "../helpers/cli.ts";
import { offlineBundle, offlineContent, plansOn } from "../helpers/offline.ts";

let network = 20;

/** A folder with the plans of nodes a and b on a loopback network of their own. */
async function rendered(t: Test, ...args: string[]): Promise<{ folder: string; plans: string }> {
  network++;
  const nodes = ["a", "b"].map((name, index) => ({ name, address: `127.78.${network}.${index + 1}` }));
  const folder = t.testdir({
    "small.yaml": JSON.stringify(smallSpec),
    "cluster.yaml": JSON.stringify({ name: "t", specs: [{ file: "./small.yaml" }], nodes }),
  });
  const plans = join(folder, "plans");
  const { exitCode, err } = await portmesh(
    "spec",
    "render",
    join(folder, "cluster.yaml"),
    "--offline",
    plans,
    ...args,
  );
  t.equal(exitCode, 0, err);
  return { folder, plans };
}

t.test("plans, agents and merge give the report of a check, without a coordinator", async (t) => {
  const { folder, plans } = await rendered(t);
  t.strictSame(readdirSync(plans).toSorted(), ["a.plan", "authority.pem", "b.plan"]);
  t.equal(statSync(plans).mode & 0o777, 0o700);
  for (const name of readdirSync(plans)) t.equal(statSync(join(plans, name)).mode & 0o777, 0o600, name);
  const agent = (name: string): Running =>
    new Running([
      "agent",
      "--offline",
      join(plans, `${name}.plan`),
      // Longer than it takes to try again: they do not start at the same moment.
      "--for",
      "30s",
      "--bundle",
      join(folder, `${name}.bundle`),
    ]);
  await using a = agent("a");
  await using b = agent("b");
  for (const each of [a, b]) {
    const { exitCode, err } = await each.finished;
    t.equal(exitCode, 0, err);
    t.match(err, /^holding 12 ports of [ab], until .*Z\n/);
    t.match(err, /12 of 12 probes answered; holding the ports for the others\nwrote /);
  }
  t.strictSame(
    readdirSync(folder).filter((name) => name.includes("bundle")),
    ["a.bundle", "b.bundle"],
    "and no temporary file",
  );
  const json = join(folder, "report.json");
  const merged = await portmesh(
    "merge",
    "--authority",
    join(plans, "authority.pem"),
    "-o",
    "json",
    "--report",
    `json=${json}`,
    join(folder, "a.bundle"),
    join(folder, "b.bundle"),
  );
  t.equal(merged.exitCode, 0, merged.err);
  const report = JSON.parse(merged.out) as Report;
  t.ok(Check(ReportSchema, report), "the report is what its schema says");
  t.equal(report.summary.pass, 12);
  t.strictSame(
    report.nodes.map(({ listeners }) => listeners.bound),
    [12, 12],
  );
  t.same(JSON.parse(readFileSync(json, "utf8")), report);
});

t.test("Ctrl-C writes what is known, and a merge without the others is incomplete", async (t) => {
  const { folder, plans } = await rendered(t);
  const bundle = join(folder, "x.bundle");
  await using a = new Running(["agent", "--offline", join(plans, "a.plan"), "--bundle", bundle]);
  await a.says("holding 12 ports");
  a.child.kill("SIGINT");
  const { exitCode, err } = await a.finished;
  t.equal(exitCode, 130);
  t.match(err, /wrote .*x\.bundle, interrupted before its time/);
  const merged = await portmesh("merge", "-o", "json", bundle);
  t.equal(merged.exitCode, 5);
  const report = JSON.parse(merged.out) as Report;
  t.equal(report.interrupted, true);
  t.equal(report.nodes[1]?.agent, null);
  t.equal(report.summary.unknown, 12);
});

t.test("what cannot work is said before the window begins", async (t) => {
  const { folder, plans } = await rendered(t, "--valid", "1ms");
  const plan = join(plans, "a.plan");
  const run = (...args: string[]): Promise<Finished> => portmesh("agent", "--offline", ...args);
  t.match(await run(plan, "--bundle", join(folder, "no/such/x.bundle")), {
    exitCode: 1,
    err: /cannot write the bundle .*x\.bundle: ENOENT\nChoose a folder/,
  });
  t.match(await run(join(folder, "missing.plan")), { exitCode: 2, err: /cannot read the plan .*ENOENT/ });
  t.match(await run(join(folder, "cluster.yaml")), { exitCode: 2, err: /its kind is not OfflinePlan/ });
  const cut = join(folder, "cut.plan");
  writeFileSync(cut, readFileSync(plan, "utf8").slice(0, -100));
  const secret = (JSON.parse(readFileSync(plan, "utf8")) as OfflinePlan).epoch.secret;
  const refused = await run(cut);
  t.match(refused, { exitCode: 2, err: /it is no JSON, or only a part of it/ });
  t.notOk(refused.err.includes(secret));
  t.match(await run(plan, "--for", "0s"), { exitCode: 2, err: /--for must be from 1s to 24d/ });
  t.match(await portmesh("agent"), { exitCode: 2, err: /needs either run or --offline PLAN/ });
  const late = await run(plan, "--bundle", join(folder, "late.bundle"));
  t.match(late, { exitCode: 1, err: /the plan expired at/ });
  t.notOk(existsSync(join(folder, "late.bundle")));
  t.notOk(
    readdirSync(folder).some((name) => name.includes("late")),
    "and no temporary file is left",
  );
});

t.test(
  "a bundle that cannot be believed is refused by name, and the others are not merged without a word",
  async (t) => {
    const [{ a, b, authority }, foreign] = await Promise.all([plansOn(41), plansOn(42)]);
    const [good, other, stranger, content] = await Promise.all([
      offlineBundle(a),
      offlineBundle(b),
      offlineBundle(foreign.a, { windowMs: 1_000 }),
      offlineContent(foreign.b, { windowMs: 1_000 }),
    ]);
    const folder = t.testdir({ good, other, "authority.pem": authority, "foreign.pem": foreign.authority });
    const at = (name: string): string => join(folder, name);
    const bundle = JSON.parse(good) as Bundle;
    const altered = (change: Partial<Record<keyof Bundle, unknown>>): string =>
      JSON.stringify({ ...bundle, ...change });
    const bad: [name: string, text: string | Buffer, why: RegExp][] = [
      ["truncated", good.slice(0, -300), /is not a bundle, or only a part of one: no JSON/],
      ["empty", "", /no JSON/],
      ["garbage", Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 167) % 256)), /no JSON/],
      ["null", "null", /is not a bundle: its kind is undefined/],
      ["plan", JSON.stringify(a), /is not a bundle: its kind is "OfflinePlan"/],
      ["version", altered({ version: 2 }), /is of version 2; this program reads 1\nMerge with the version/],
      [
        "altered",
        altered({ content: bundle.content.replace("here", "Here") }),
        /its signature does not match: it was altered/,
      ],
      ["signature", altered({ signature: "AAAA" }), /its signature does not match/],
      ["certificate", altered({ certificate: b.certificate }), /its signature does not match/],
      ["chain", altered({ authority: foreign.authority }), /its certificate is not of its authority/],
      ["leaf", altered({ authority: bundle.certificate }), /its authority is none/],
      ["pem", altered({ certificate: "no" }), /its node certificate cannot be read/],
      ["extra", altered({ more: 1 } as object), /is not a whole bundle/],
      [
        "impostor",
        signBundle({ ...content, node: 0 }, foreign.b),
        /speaks for another node than its certificate/,
      ],
      [
        "form",
        signBundle({ ...content, results: 5 } as never, foreign.b),
        /is not a whole bundle: \/results/,
      ],
      ["another", stranger, /another: is of another plan than .*other \(authorities [0-9a-f]{12} and/],
    ];
    for (const [name, text] of bad) writeFileSync(at(name), text);
    writeFileSync(at("huge"), "");
    truncateSync(at("huge"), 64 * 1024 * 1024 + 1);
    const refuse = async (name: string, why: RegExp): Promise<void> => {
      const { exitCode, err, out } = await portmesh("merge", at("other"), at(name));
      t.equal(exitCode, 2, name);
      t.equal(out, "", name);
      t.match(err, why, name);
      t.ok(err.includes(at(name)), `${name} is named`);
    };
    await Promise.all([
      ...bad.map(([name, , why]) => refuse(name, why)),
      refuse("huge", /is larger than 64 MB/),
      refuse("missing", /cannot read a bundle .*missing: ENOENT/),
    ]);

    const several = await portmesh("merge", at("altered"), at("garbage"), at("good"));
    t.match(several.err, /altered: its signature.*\n.*garbage: /, "all bad ones are named at once");
    const skipped = await portmesh(
      "merge",
      "--skip-bad",
      "-o",
      "json",
      at("good"),
      at("other"),
      at("altered"),
      at("another"),
    );
    t.equal(skipped.exitCode, 0, skipped.err);
    t.match(skipped.err, /left out: .*altered: its signature[\s\S]*left out: .*another: is of another plan/);
    t.equal((JSON.parse(skipped.out) as Report).summary.verdict, "pass");
    t.match(await portmesh("merge", "--skip-bad", at("altered")), {
      exitCode: 2,
      err: /no bundle is left to merge/,
    });
    t.match(await portmesh("merge", "--authority", at("foreign.pem"), at("good")), {
      exitCode: 2,
      err: /good: is of another authority than the one of --authority/,
    });
    t.match(await portmesh("merge", "--authority", at("good"), at("good")), {
      exitCode: 2,
      err: /is not a certificate in PEM/,
    });
    const alone = await portmesh("merge", "--authority", at("authority.pem"), at("good"), at("good"));
    t.equal(alone.exitCode, 5, "b has no bundle");
    t.match(alone.err, /good: left out, since .*good is a newer bundle of a/);
  },
);
