/** The page about notifications: its example works with a real receiver, and what it says of signatures verifies them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Check } from "typebox/value";
import t from "tap";
import { newsKinds, NotificationSchema } from "../../shared/notification.ts";
import { portmesh } from "../helpers/cli.ts";
import { webhookReceiver } from "../helpers/webhook-receiver.ts";
import { fenced, readPage, withoutFences } from "./markdown.ts";

const page = readPage("docs/notifications.md");

t.test("the example is told a test message, whose signature verifies as the page says", async (t) => {
  const receiver = await webhookReceiver(t);
  const secret = Buffer.alloc(32, 9).toString("base64");
  const folder = t.testdir();
  const write = (file: string, text: string): void =>
    writeFileSync(join(folder, file), text, { mode: 0o600 });
  write("ops.secret", `${secret}\n`);
  write("db.token", "t0ken\n");
  write("verify.mjs", fenced(page, "js")[0]!);
  const [example] = fenced(page, "yaml");
  write(
    "cluster.yaml",
    example!.replaceAll(/https:\/\/[a-z]+\.example\.com/g, `http://127.0.0.1:${receiver.port}`),
  );
  const { exitCode, out, err } = await portmesh("coordinator", "notify-test", join(folder, "cluster.yaml"));
  t.equal(exitCode, 0, err);
  t.match(out, /^told {5}ops: the receiver said 204 \(.*\)$/m);
  t.match(out, /^told {5}db-team: the receiver said 204/m);
  t.notMatch(out + err, /hooks/, "no path of a URL");
  const signed = receiver.received.find(({ path }) => path === "/portmesh")!;
  const bearer = receiver.received.find(({ path }) => path === "/hooks/db")!;
  t.ok(Check(NotificationSchema, JSON.parse(signed.body)));
  t.match(JSON.parse(signed.body), { cause: "test", hook: "ops", cluster: "prod" });
  t.equal(bearer.headers.authorization, "Bearer t0ken");
  const { isGenuine } = (await import(pathToFileURL(join(folder, "verify.mjs")).href)) as {
    isGenuine: (headers: object, body: string, secret: string) => boolean;
  };
  t.ok(isGenuine(signed.headers, signed.body, secret));
  t.ok(isGenuine(signed.headers, signed.body, `whsec_${secret}`));
  t.notOk(isGenuine(signed.headers, `${signed.body} `, secret));
  t.notOk(
    isGenuine({ ...signed.headers, "webhook-timestamp": "1731705121" }, signed.body, secret),
    "too old",
  );
  t.notOk(isGenuine(bearer.headers, bearer.body, secret));
});

t.test(
  "a receiver that refuses is told with what it said, and so is a file that others may read",
  async (t) => {
    const receiver = await webhookReceiver(t);
    receiver.reply = () => ({ status: 403, body: "who are you?" });
    const folder = t.testdir();
    const cluster = join(folder, "cluster.yaml");
    const notify = [{ name: "ops", url: receiver.url, secretFile: "ops.secret" }];
    const nodes = [{ name: "a", address: "10.0.0.1" }];
    const write = (parts: object): void =>
      writeFileSync(
        cluster,
        JSON.stringify({ name: "prod", specs: [{ id: "thoughtspot" }], nodes, notify, ...parts }),
      );
    write({});
    writeFileSync(join(folder, "ops.secret"), "short", { mode: 0o600 });
    const test = (): ReturnType<typeof portmesh> => portmesh("coordinator", "notify-test", cluster);
    t.match(await test(), {
      exitCode: 2,
      err: /secretFile of the webhook ops must hold 24 to 64 bytes in base64/,
    });
    write({ notify: [{ name: "ops", url: receiver.url }] });
    t.match(await test(), { exitCode: 1, out: /^not told ops: the receiver said 403: who are you\?/m });
    write({ notify: [{ name: "ops", url: receiver.url, tokenFile: "open" }] });
    writeFileSync(join(folder, "open"), "t0ken", { mode: 0o644 });
    t.match(await test(), { exitCode: 2, err: /tokenFile of the webhook ops .*other users may read it/ });
    write({ schedule: { fullSweep: "0 25 * * *" } });
    t.match(await portmesh("coordinator", "run", cluster, "--data-dir", folder), {
      exitCode: 2,
      err: /cluster\.yaml:1:\d+: \/schedule\/fullSweep: must be a cron expression .* the hour "25" is none/,
    });
  },
);

t.test("every kind of news and every field of a message is explained", async (t) => {
  const named = new Set(
    Array.from(withoutFences(page).matchAll(/`([^`]+)`/g), ([, code = ""]) => code.replace("[]", "")),
  );
  t.strictSame(
    [...newsKinds, ...Object.keys(NotificationSchema.properties)].filter((name) => !named.has(name)),
    [],
  );
});
