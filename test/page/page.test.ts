/** The dashboard in a real browser, before a real coordinator with real agents and a real firewall. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import t from "tap";
import type { MatrixAnswer, Page as Paged, TransitionState } from "../../shared/api.ts";
import { largestCellOf, layoutOf } from "../../web/matrix/layout.ts";
import { axisOf } from "../../web/model/axis.ts";
import { lookOf, type Look } from "../../web/model/looks.ts";
import { colourOf, eventually } from "./browser.ts";
import { origin, PageLab, paths } from "./page-lab.ts";

t.setTimeout(240_000);

const everything = { isFolded: () => false, isShown: () => true };

function axisOfAnswer({ nodes }: MatrixAnswer): ReturnType<typeof axisOf> {
  return axisOf(nodes, everything);
}

/** The colour near the corner of each cell, where no sign is: by row, then column, as they are shown. */
async function coloursOf(page: Page, answer: MatrixAnswer): Promise<string[]> {
  const axis = axisOfAnswer(answer);
  const layout = layoutOf(axis, axis, largestCellOf(axis.slots.length));
  return page.evaluate(
    ({ columns, rows, width, height }) => {
      const extent = document.querySelector<HTMLElement>(".matrix-extent")!;
      const [left, top] = [
        Number.parseFloat(extent.style.width) - width - 4,
        Number.parseFloat(extent.style.height) - height - 4,
      ];
      const context = document.querySelector<HTMLCanvasElement>(".matrix-cells")!.getContext("2d")!;
      return rows.flatMap((y) =>
        columns.map((x) =>
          context
            .getImageData(left + x + 5, top + y + 5, 1, 1)
            .data.slice(0, 3)
            .join(","),
        ),
      );
    },
    { columns: [...layout.columns], rows: [...layout.rows], width: layout.width, height: layout.height },
  );
}

/** What the API says of each cell, in the order in which they are shown. */
function looksOf(answer: MatrixAnswer): Look[] {
  const { slots } = axisOfAnswer(answer);
  const codes = Buffer.from(answer.cells, "base64");
  return slots.flatMap((row) =>
    slots.map((column) => lookOf(codes[row.nodes[0]! * answer.nodes.length + column.nodes[0]!]!)),
  );
}

/** First looks are no transitions: the history knows of them from its next snapshot on. */
async function momentOfCalm(watched: PageLab): Promise<string> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const at = new Date().toISOString();
    const past = await watched.ask<Partial<MatrixAnswer>>(`/matrix?at=${at}`);
    if (past.cells !== undefined && !looksOf(past as MatrixAnswer).includes("unknown")) return at;
    await sleep(200);
  }
  throw new Error("the history never knew of a matrix that passes");
}

t.test("the page shows what is, tells what changes, and finds the past again", async (t) => {
  await using watched = await PageLab.start();
  const { lab } = watched;
  await watched.untilCounts("every path passes", ({ pass }) => pass === paths);
  const calmAt = await momentOfCalm(watched);
  const { page, problems, requests } = await watched.open("");
  await page.locator(".matrix-cells").waitFor();
  const colours: Partial<Record<Look, string>> = {
    pass: await colourOf(page, "pass"),
    fail: await colourOf(page, "fail"),
  };
  /** Once it is painted: what is there is not yet what is shown. */
  const paintedLike = async (
    answer: MatrixAnswer,
    isPainted: (shown: string[], looks: Look[]) => boolean,
  ): Promise<{ shown: string[]; looks: Look[] }> => {
    const looks = looksOf(answer);
    const deadline = performance.now() + 10_000;
    for (;;) {
      const shown = await coloursOf(page, answer);
      if (isPainted(shown, looks) || performance.now() > deadline) return { shown, looks };
      await page.waitForTimeout(50);
    }
  };
  const expectPicture = async (what: string, answer: MatrixAnswer): Promise<void> => {
    const known = (shown: string[], looks: Look[]): string[] =>
      looks.map((look, index) => (colours[look] === undefined ? "-" : shown[index]!));
    const wanted = looksOf(answer).map((look) => colours[look] ?? "-");
    const { shown, looks } = await paintedLike(
      answer,
      (...found) => known(...found).join() === wanted.join(),
    );
    t.same(known(shown, looks), wanted, what);
  };
  await page.getByText("live", { exact: true }).waitFor();
  await expectPicture("the picture is what the API says", await watched.ask<MatrixAnswer>("/matrix"));

  // When the event came, and when the cell turned, by the page's own clock.
  await page.evaluate((failing) => {
    const seen: Record<string, number> = {};
    Object.assign(globalThis, { seen });
    void fetch("/api/v1/events").then(async ({ body }) => {
      const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        if (value.includes("event: transitions")) seen["event"] ??= performance.now();
      }
    });
    const canvas = document.querySelector<HTMLCanvasElement>(".matrix-cells")!;
    const look = (): void => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4)
        if (`${data[at]},${data[at + 1]},${data[at + 2]}` === failing) {
          seen["cell"] ??= performance.now();
          return;
        }
      setTimeout(look, 30);
    };
    look();
  }, colours.fail!);
  const fault = await lab.fault({
    at: "router",
    hook: "forward",
    from: "n3",
    to: "n1",
    transport: "tcp",
    ports: "31801",
    action: "drop",
  });
  await page.waitForFunction(() => "cell" in (globalThis as unknown as { seen: object }).seen, undefined, {
    timeout: 60_000,
  });
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: Record<string, number> }).seen);
  const delay = seen["cell"]! - (seen["event"] ?? seen["cell"]!);
  t.comment(`the cell turned ${Math.round(delay)} ms after the event`);
  // A second where nothing else runs.
  t.ok(delay <= 10_000, `soon after the event: ${delay} ms`);
  await expectPicture("a blocked port turns its cell", await watched.ask<MatrixAnswer>("/matrix"));

  await t.test("keys walk to the failure and open its panel, whose address is a link", async (t) => {
    await page.locator("[role=grid]").focus();
    await page.keyboard.press("]");
    const cell = page.locator("#focused-cell");
    t.match(await eventually(() => cell.textContent(), /n3 to n1: fail, dropped/), /n3 to n1: fail, dropped/);
    await page.keyboard.press("ArrowRight");
    t.match(await eventually(() => cell.textContent(), /n3 to n2: pass/), /n3 to n2: pass/);
    await page.keyboard.press("Home");
    t.match(await eventually(() => cell.textContent(), /n3 to n1/), /n3 to n1/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "n3 to n1" }).waitFor();
    const panel = page.locator(".panel");
    await panel.getByText("n3 saw").first().waitFor();
    await panel
      .getByText(/portmesh probe \S+:31801/)
      .first()
      .waitFor();
    t.match(new URL(page.url()).search, /from=n3&to=n1/);
    const { page: other } = await watched.open(new URL(page.url()).search);
    await other.locator(".panel").getByText("rpc", { exact: true }).first().waitFor();
    await other.context().close();
    await page.keyboard.press("Escape");
    t.equal(await eventually(() => panel.count(), 0), 0);
    t.equal(new URL(page.url()).search, "");
  });

  await t.test("the finding names the pair, and the list has its path", async (t) => {
    await page.getByRole("button", { name: "n3 does not reach n1 on tcp/31801" }).waitFor();
    t.match(await eventually(() => page.title(), /^× 1 · /), /^× 1 · /);
    await page.getByRole("button", { name: "Failures" }).click();
    await page.getByRole("row", { name: /n3 .*n1 rpc tcp\/31801 .*dropped/ }).waitFor();
    t.match(page.url(), /tab=failures/);
  });

  await t.test("the scrubber shows the past, and a comparison what has changed", async (t) => {
    await page.goto(`${origin}/?at=${calmAt}`);
    await page.getByText("A past moment:").waitFor();
    await page.locator(".matrix-cells").waitFor();
    const past = await watched.ask<MatrixAnswer>(`/matrix?at=${calmAt}`);
    t.notOk(looksOf(past).includes("fail"));
    await expectPicture("the picture of the past", past);
    await page.goto(`${origin}/?since=${calmAt}`);
    await page.locator(".matrix-cells").waitFor();
    const now = await watched.ask<MatrixAnswer>("/matrix");
    const { shown, looks } = await paintedLike(
      now,
      (found, of) => found[of.indexOf("fail")] === colours.fail,
    );
    t.equal(shown[looks.indexOf("fail")], colours.fail);
    t.notOk(shown.includes(colours.pass!), "what has not changed has no colour");
    await page.locator(".comparison").getByRole("button", { name: "n3 → n1" }).click();
    await page.locator(".path.is-fail").getByText("n3 saw").waitFor();
  });

  await t.test("the panel of the past has what was seen then", async (t) => {
    await fault[Symbol.asyncDispose]();
    await watched.untilCounts("every path passes again", ({ pass }) => pass === paths);
    const { items } = await watched.ask<Paged<TransitionState>>("/transitions?from=n3&to=n1&order=oldest");
    const failedAt = items.find(({ after }) => after.verdict === "fail")!.at;
    await page.goto(`${origin}/?from=n3&to=n1&at=${failedAt}`);
    await page.locator(".path.is-fail").getByText("did not arrive").first().waitFor();
    await page.goto(`${origin}/?from=n3&to=n1&at=${calmAt}`);
    await page.getByText("3 paths pass").waitFor();
    t.equal(await eventually(() => page.locator(".path.is-fail").count(), 0), 0);
  });

  t.same(problems, [], "the browser complained of nothing");
  t.same(
    requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:")),
    [],
    "nothing is asked of anybody else",
  );
});
