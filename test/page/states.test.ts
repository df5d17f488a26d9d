/** What the page says of itself: that it wants a token, that it lost the coordinator, that there is nothing to see. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { labSpec } from "../lab/spec.ts";
import { launch, openPage, eventually } from "./browser.ts";
import { Stage } from "./stage.ts";

t.setTimeout(120_000);
const spec = labSpec({
  flows: [
    { name: "rpc", transport: "tcp", ports: "31801" },
    { name: "gossip", transport: "udp", ports: "31802" },
  ],
});
const nodes = ["n1", "n2", "n3"].map((name) => ({ name, roles: ["nodes"] }));
const browser = await launch();
t.teardown(() => browser.close());

t.test("a coordinator with a token is asked with it, for as long as the tab is open", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "portmesh-token-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "token");
  const token = "a-token-of-the-test-0123456789abcdef";
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  await using stage = await Stage.start({ spec, nodes, coordinatorArguments: ["--token-file", file] });
  const { page } = await openPage(browser, stage.origin);
  const prompt = page.getByRole("form", { name: "This coordinator asks for a token" });
  await prompt.waitFor();
  const input = page.getByLabel("Bearer token");
  t.equal(await eventually(() => input.getAttribute("type"), "password"), "password");
  await input.fill("another-token-that-is-not-right-0000");
  await input.press("Enter");
  await page.getByText("That token was refused").waitFor();
  await input.fill(token);
  await input.press("Enter");
  await page.getByText("All 12 paths pass.").waitFor();
  await page.locator(".feed.is-live").waitFor();
  t.equal(await eventually(() => prompt.count(), 0), 0);
  await page.reload();
  await page.getByText("All 12 paths pass.").waitFor();
  t.notMatch(page.url(), new RegExp(token));
  const { page: other } = await openPage(browser, stage.origin);
  await other.getByRole("form", { name: "This coordinator asks for a token" }).waitFor();
});

t.test("a coordinator that is gone is said to be, and followed again when it is back", async (t) => {
  await using stage = await Stage.start({ spec, nodes });
  const { page } = await openPage(browser, stage.origin);
  await page.locator(".feed.is-live").waitFor();
  await page.getByText("All 12 paths pass.").waitFor();
  await stage.killCoordinator();
  await page.getByText("The coordinator has not answered since").waitFor();
  t.match(await eventually(() => page.title(), /^disconnected/), /^disconnected/);
  t.equal(await eventually(() => page.locator(".matrix.is-old").count(), 1), 1, "what is old looks so");
  await stage.startCoordinator();
  await stage.joinAgents();
  stage.faults = [{ from: "n3", to: "n1", port: 31801 }];
  await stage.sweep();
  await stage.sweep();
  await page.locator(".feed.is-live").waitFor({ timeout: 30_000 });
  await page.getByRole("button", { name: "n3 does not reach n1 on tcp/31801" }).waitFor();
  t.equal(await eventually(() => page.getByText("The coordinator has not answered since").count(), 0), 0);
  t.match(await eventually(() => page.title(), /^× 1 · /), /^× 1 · /);
});

t.test(
  "a bad cluster file, a filter that fits nothing, and a past before all history are told in words",
  async (t) => {
    await using stage = await Stage.start({ spec, nodes });
    const { page } = await openPage(browser, `${stage.origin}/?node=nobody+%3E+nobody`);
    await page.getByText("No node is called nobody").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator(".matrix-cells").waitFor();
    stage.writeClusterFile("not: a cluster file");
    await page.getByText("The cluster file has a mistake").waitFor();
    await page.goto(`${stage.origin}/?at=2020-01-01T00:00:00Z`);
    await page.getByText("nothing is known of 2020-01-01").first().waitFor();
    await page.getByRole("button", { name: "Back to now" }).click();
    await page.locator(".matrix-cells").waitFor();
    t.notMatch(page.url(), /at=/);
  },
);
