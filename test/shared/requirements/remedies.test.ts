import { execFileSync } from "node:child_process";
import t from "tap";
import { loadModule, quoted, setSysctl } from "../../../shared/requirements/remedies.ts";

t.test("a shell reads back every word as it was", async (t) => {
  for (const word of [
    "a",
    "",
    "a b",
    "it's",
    "$(id)`id`",
    "a\nb",
    "-n",
    "*",
    "~",
    "a;b&c|d>e",
    "\\",
    '"',
    "é",
  ]) {
    const out = execFileSync("sh", ["-c", `printf %s ${quoted(word)}`], { encoding: "utf8" });
    t.equal(out, word, JSON.stringify(word));
  }
});

t.test("settings and modules are set now and for every start", async (t) => {
  t.equal(
    setSysctl("net.ipv4.ip_forward", "1", "product"),
    "sysctl -w net.ipv4.ip_forward=1 && echo 'net.ipv4.ip_forward = 1' >>/etc/sysctl.d/99-product.conf",
  );
  t.equal(
    loadModule("br_netfilter"),
    "modprobe br_netfilter && echo br_netfilter >/etc/modules-load.d/br_netfilter.conf",
  );
});
