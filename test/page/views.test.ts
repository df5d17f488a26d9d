/** The page at the sizes, themes and numbers of nodes at which it is looked at. */
import t from "tap";
import type { Page } from "playwright-core";
import { labSpec } from "../lab/spec.ts";
import { accessibilityProblems, colourOf, launch, openPage, eventually } from "./browser.ts";
import { Stage } from "./stage.ts";

t.setTimeout(120_000);
const spec = labSpec({
  roles: { controllers: "in-cluster", workers: "in-cluster" },
  flows: [
    { name: "rpc", transport: "tcp", ports: "31801", from: ["workers"], to: ["controllers"] },
    { name: "gossip", transport: "udp", ports: "31802", from: ["workers"], to: ["workers"] },
  ],
  endpoints: [{ name: "registry", hosts: ["registry.example"], from: ["workers"] }],
  requirements: [],
});
const zones = ["a", "b", "c"];
const nodes = Array.from({ length: 66 }, (_, index) => ({
  name: index < 6 ? `c${index + 1}` : `w${index - 5}`,
  roles: [index < 6 ? "controllers" : "workers"],
  zone: zones[index % 3]!,
}));
const browser = await launch();
t.teardown(() => browser.close());
const stage = await Stage.start({ spec, nodes, absent: ["w60"] });
t.teardown(() => stage[Symbol.asyncDispose]());
stage.faults = [
  { from: "w*", to: "c2", port: 31801 },
  { from: "w7", to: "w*2" },
];
await stage.sweep();
await stage.sweep();
await stage.untilCounts("faults are told", ({ fail }) => fail > 59);

t.test("many nodes are shown group by group, and unfold where they are looked at", async (t) => {
  const { page, problems, requests } = await openPage(browser, stage.origin);
  const grid = page.getByRole("grid");
  await grid.waitFor();
  t.equal(await eventually(() => grid.getAttribute("aria-rowcount"), "6"), "6");
  await grid.focus();
  await page.keyboard.press("]");
  t.match(
    await eventually(
      () => page.locator("#focused-cell").textContent(),
      /^workers\/[abc] to controllers\/b: fail, [0-9]+ of [0-9]+ pairs, dropped$/,
    ),
    /^workers\/[abc] to controllers\/b: fail, [0-9]+ of [0-9]+ pairs, dropped$/,
  );
  await page.keyboard.press("Enter");
  t.equal(
    await eventually(() => grid.getAttribute("aria-rowcount"), "26"),
    "26",
    "a group of 20 stands node by node",
  );
  t.match(page.url(), /open=workers%2F[abc]&open=controllers%2Fb/);
  t.match(
    await eventually(() => page.locator("#focused-cell").textContent(), /^w[0-9]+ to c2: fail, dropped$/),
    /^w[0-9]+ to c2: fail, dropped$/,
  );
  await page.getByRole("button", { name: "Fold groups" }).click();
  t.equal(await eventually(() => grid.getAttribute("aria-rowcount"), "6"), "6");
  await page.getByRole("button", { name: "Unfold all" }).click();
  t.equal(await eventually(() => grid.getAttribute("aria-rowcount"), "66"), "66");
  await page.locator("#find-node").fill("w7 > w*2");
  t.equal(
    await eventually(() => grid.getAttribute("aria-rowcount"), "1"),
    "1",
    "one direction leaves its rows and columns",
  );
  t.same(problems, []);
  t.same(
    requests.filter((url) => !url.startsWith(`${stage.origin}/`) && !url.startsWith("data:")),
    [],
    "nothing is asked of anybody else",
  );
});

t.test("findings come first, and mark what they mean", async (t) => {
  const { page } = await openPage(browser, `${stage.origin}/?open=*`);
  const findings = page.locator(".findings li button");
  await findings.first().waitFor();
  t.match(
    await eventually(() => findings.first().textContent(), /^c2 is unreachable from all 59 peers/),
    /^c2 is unreachable from all 59 peers/,
  );
  t.match(
    await eventually(() => findings.last().textContent(), /^the agent of w60 has not joined/),
    /^the agent of w60 has not joined/,
  );
  await findings.first().click();
  t.equal(await eventually(() => findings.first().getAttribute("aria-pressed"), "true"), "true");
  await page
    .locator(".news")
    .getByText(/59 nodes → c2, rpc: dropped/)
    .waitFor();
});

t.test("600 pixels and twice the size are one column, which nothing sticks out of", async (t) => {
  for (const viewport of [
    { width: 600, height: 900 },
    { width: 720, height: 450 },
  ]) {
    const { page } = await openPage(browser, stage.origin, { viewport });
    await page.locator(".matrix-cells").waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    t.ok(wide <= viewport.width, `${wide} of ${viewport.width} pixels`);
    const box = (await page.locator(".matrix-frame").boundingBox())!;
    t.ok(box.width > viewport.width * 0.9 && box.height >= 300, "the matrix has room");
    await page.goto(`${stage.origin}/?from=w7&to=w12`);
    await page.getByText("w7 saw").first().waitFor();
    const panel = (await page.locator(".panel").boundingBox())!;
    t.match(panel, { x: 0, width: viewport.width }, "the panel covers the page");
    await page.getByRole("button", { name: "Close the panel" }).click();
    t.equal(await eventually(() => page.locator(".panel").count(), 0), 0);
  }
});

t.test("with the system's own colours each look has a sign", async (t) => {
  const { page } = await openPage(browser, `${stage.origin}/?node=w7+%3E+w*&open=*`, {
    forcedColors: "active",
  });
  await page.locator(".matrix-cells").waitFor();
  t.equal(await colourOf(page, "pass"), await colourOf(page, "ground"), "colour tells nothing");
  const kinds = await page
    .locator(".legend .mark path")
    .evaluateAll((paths) => paths.map((path) => path.getAttribute("d")));
  t.equal(new Set(kinds.slice(0, 5)).size, 5);
  t.ok(await hasInk(page, await colourOf(page, "fail")), "what fails is drawn in the colour of text");
});

t.test("axe has nothing serious to say of any view, in either theme", async (t) => {
  for (const colorScheme of ["light", "dark"] as const) {
    const { page, problems } = await openPage(browser, `${stage.origin}/?from=w7&to=w12`, { colorScheme });
    await page.locator(".path").first().waitFor();
    t.same(await accessibilityProblems(page), [], `panel, ${colorScheme}`);
    await page.getByRole("button", { name: "Close the panel" }).click();
    for (const tab of ["Matrix", "By flow", "Failures", "Outside"]) {
      await page.getByRole("button", { name: tab, exact: false }).first().click();
      t.same(await accessibilityProblems(page), [], `${tab}, ${colorScheme}`);
    }
    await page.getByRole("button", { name: "Help" }).click();
    t.same(await accessibilityProblems(page), [], `help, ${colorScheme}`);
    t.same(problems, []);
  }
});

t.test("hosts outside are listed with who reaches them, and an unfolded one is a link", async (t) => {
  const { page } = await openPage(browser, `${stage.origin}/?tab=outside`);
  const group = page.locator(".group", { hasText: "registry.example" });
  await group.locator("summary").click();
  await group.getByRole("row", { name: /^w1 / }).waitFor();
  t.match(page.url(), /item=/);
  await page.reload();
  await page.getByRole("row", { name: /^w1 / }).waitFor();
});

/** Whether there is a pixel of this colour among the cells. */
function hasInk(page: Page, colour: string): Promise<boolean> {
  return page.locator(".matrix-cells").evaluate((canvas: HTMLCanvasElement, wanted) => {
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4)
      if (`${data[at]},${data[at + 1]},${data[at + 2]}` === wanted) return true;
    return false;
  }, colour);
}
