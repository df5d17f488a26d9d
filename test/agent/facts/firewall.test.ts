import t from "tap";
import { commandsOn } from "../../../agent/facts/command.ts";
import { readFirewall } from "../../../agent/facts/firewall.ts";
import { hostFolders } from "../../helpers/host-folders.ts";
import { says, toolsOf } from "../../helpers/tools.ts";

const signal = new AbortController().signal;

/** What nft 1.0.6 prints, cut: a rule that speaks of a table is one rule. */
const ruleset =
  '{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}, {"table": {"family": "inet", "name": "f", "handle": 1}}, {"chain": {"family": "inet", "table": "f", "name": "input"}}, {"rule": {"family": "inet", "table": "f", "chain": "input", "handle": 4, "expr": [{"accept": null}]}}, {"rule": {"family": "inet", "table": "f", "chain": "input", "handle": 5, "expr": [{"drop": null}]}}]}';

t.test("rules and tables are counted, and tables of the old iptables are named", async (t) => {
  const roots = hostFolders(t, {
    proc: { net: { ip_tables_names: "filter\nnat\n", ip6_tables_names: "filter\n" } },
  });
  t.strictSame(await readFirewall(roots, commandsOn(toolsOf(t, { nft: says(ruleset) })), signal), {
    rules: 2,
    tables: 1,
    legacy: ["filter", "nat"],
  });
});

t.test("why it cannot be read is told", async (t) => {
  const denied = "echo 'Operation not permitted (you must be root)' >&2; echo more >&2; exit 1";
  const roots = hostFolders(t, {});
  t.equal(
    await readFirewall(roots, commandsOn(toolsOf(t, { nft: denied })), signal),
    "nft list ruleset: Operation not permitted (you must be root)",
  );
  t.equal(
    await readFirewall(roots, () => Promise.resolve({ missing: true }), signal),
    "nft is not installed",
  );
});
