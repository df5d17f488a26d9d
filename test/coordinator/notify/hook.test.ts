/** One webhook with a real receiver: grouping, retries, signatures, TLS, a proxy, and what is given up. */
import { createHmac } from "node:crypto";
import t, { type Test } from "tap";
import { HookSender, type Hook, type HookDependencies } from "../../../coordinator/notify/hook.ts";
import { post } from "../../../coordinator/notify/post.ts";
import { readKeys, signatureHeaders } from "../../../coordinator/notify/signature.ts";
import type { KeptTransition } from "../../../coordinator/journal/journal.ts";
import { codeOf } from "../../../shared/api.ts";
import { makeAuthority, makeIdentity } from "../../helpers/certificates.ts";
import { httpProxy } from "../../helpers/proxies.ts";
import { hookOf, webhookReceiver } from "../../helpers/webhook-receiver.ts";

t.setTimeout(60_000);

const secret = Buffer.alloc(32, 7).toString("base64");

function failing(flow = "gossip"): KeptTransition {
  return {
    at: Date.now(),
    plan: 1,
    path: 0,
    from: "n1",
    to: "n2",
    spec: "made-up",
    flow,
    expected: "open",
    before: codeOf("reachable"),
    after: codeOf("dropped"),
    isOutside: false,
    isFlapping: false,
    isLate: false,
    evidence: undefined,
  };
}

interface Sending extends AsyncDisposable {
  sender: HookSender;
  outcomes: string[];
  until(outcomes: number): Promise<void>;
}

/** Its messages are what the digest counts. */
function sending(hook: Hook, parts: Partial<HookDependencies> = {}): Sending {
  const outcomes: string[] = [];
  let next = Promise.withResolvers<void>();
  const sender = new HookSender(
    hook,
    { transition: 0, happening: 0 },
    {
      send: post,
      compose: (head, digest) =>
        ({
          ...head,
          news: digest.counts,
          listed: digest.transitions.length,
          omitted: digest.omitted,
        }) as never,
      anyFails: () => true,
      outcome: (outcome, _hook, why) => {
        outcomes.push(`${outcome} ${why}`);
        next.resolve();
        next = Promise.withResolvers();
      },
      now: Date.now,
      monotonic: () => performance.now(),
      random: () => 0,
      retry: { tries: 3, firstMs: 10, mostMs: 20 },
      ...parts,
    },
  );
  return {
    sender,
    outcomes,
    async until(count) {
      while (outcomes.length < count) await next.promise;
    },
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}

const ping = '{"event_type":"ping","data":{"success":true}}';

t.test("signatures are those of Standard Webhooks", async (t) => {
  const [key] = readKeys(`whsec_${secret}\n`)!;
  t.strictSame(readKeys(secret), [key], "with its prefix or without");
  const body = '{"a":"ü"}';
  const headers = signatureHeaders("msg_1", 1_731_705_121_999, body, [key!, Buffer.alloc(24, 1)]);
  const expected = [Buffer.alloc(32, 7), Buffer.alloc(24, 1)].map((each) =>
    createHmac("sha256", each).update("msg_1.1731705121.").update(Buffer.from(body)).digest("base64"),
  );
  t.strictSame(headers, {
    "webhook-id": "msg_1",
    "webhook-timestamp": "1731705121",
    "webhook-signature": expected.map((each) => `v1,${each}`).join(" "),
  });
  // The example of https://docs.svix.com/receiving/verifying-payloads/how-manual, whose key is a short one.
  const known = signatureHeaders("msg_loFOjxBNrRLzqYUf", 1_731_705_121_000, ping, [
    Buffer.from("plJ3nmyCDGBKInavdOK15jsl", "base64"),
  ]);
  t.equal(known["webhook-signature"], "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
  for (const bad of ["", "short", "whsec_c2hvcnQ=", `${secret}\nno base64!`])
    t.equal(readKeys(bad), undefined, JSON.stringify(bad));
});

t.test("what comes together is told together, and signed", async (t) => {
  const receiver = await webhookReceiver(t);
  const keys = readKeys(secret)!;
  await using hook = sending(
    hookOf(receiver.url, { keys, headers: { authorization: "Bearer t0ken", "x-team": "net" } }),
  );
  for (let index = 0; index < 250; index++) hook.sender.transition("fail", failing());
  t.equal(hook.sender.pending, 1);
  const [first] = await receiver.until(1);
  await hook.until(1);
  t.strictSame(hook.outcomes, ["delivered the receiver said 204"]);
  t.match(JSON.parse(first!.body), { news: [{ kind: "fail", count: 250 }], listed: 100, omitted: 150 });
  t.match(first!.headers, {
    authorization: "Bearer t0ken",
    "x-team": "net",
    "content-type": "application/json",
  });
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = first!.headers;
  const mac = createHmac("sha256", Buffer.alloc(32, 7)).update(
    `${id as string}.${at as string}.${first!.body}`,
  );
  t.equal(signature, `v1,${mac.digest("base64")}`);
  hook.sender.transition("recover", failing());
  await receiver.until(2);
  t.equal(hook.sender.transition("warn", failing()), undefined, "is not asked for");
  await hook.until(2);
  t.equal(hook.sender.pending, 0);
});

t.test("what may be over soon is tried again under the same id, what is refused is not", async (t) => {
  const receiver = await webhookReceiver(t);
  const replies = ["hang-up", 503, 200, 429, 408, 204, 404, 200] as const;
  receiver.reply = (before) => {
    const reply = replies[before] ?? 204;
    return reply === "hang-up"
      ? reply
      : { status: reply, headers: { "retry-after": "0" }, body: "no\u0007w" };
  };
  await using hook = sending(hookOf(receiver.url));
  for (const done of [3, 6, 7, 8]) {
    hook.sender.transition("fail", failing());
    await receiver.until(done);
    await hook.until(done);
  }
  t.match(
    hook.outcomes.map((text) => text.split(" ")[0]),
    ["retried", "retried", "delivered", "retried", "retried", "delivered", "lost", "delivered"],
  );
  t.equal(hook.outcomes[6], "lost the receiver said 404: no w");
  const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
  t.equal(new Set(ids.slice(0, 3)).size, 1);
  t.equal(new Set(ids).size, 4);
  t.strictSame(
    receiver.messages().map(({ missed }) => missed),
    [0, 0, 0, 0, 0, 0, 0, 1],
    "the next message tells that one was lost",
  );
});

t.test("a receiver that asks for time is left alone for as long", async (t) => {
  const receiver = await webhookReceiver(t);
  receiver.reply = (before) => ({ status: before === 0 ? 429 : 204, headers: { "retry-after": "1" } });
  await using hook = sending(hookOf(receiver.url));
  hook.sender.transition("fail", failing());
  await receiver.until(1);
  const since = performance.now();
  await receiver.until(2);
  t.ok(performance.now() - since > 900);
});

t.test("after the last try it is given up, and what has come meanwhile is told next", async (t) => {
  const receiver = await webhookReceiver(t);
  receiver.reply = (before) => ({ status: before < 3 ? 500 : 204 });
  await using hook = sending(hookOf(receiver.url));
  hook.sender.transition("fail", failing());
  await receiver.until(1);
  hook.sender.transition("fail", failing("web"));
  hook.sender.transition("fail", failing("web"));
  await receiver.until(4);
  await hook.until(4);
  t.match(hook.outcomes, [/^retried/, /^retried/, /^lost the receiver said 500/, /^delivered/]);
  t.match(JSON.parse(receiver.received[3]!.body), { missed: 1, news: [{ kind: "fail", count: 2 }] });
});

t.test("redirects are not followed, and no word of the URL's path is said", async (t) => {
  const elsewhere = await webhookReceiver(t);
  const receiver = await webhookReceiver(t);
  receiver.reply = () => ({ status: 307, headers: { location: elsewhere.url } });
  await using hook = sending(hookOf(receiver.url));
  hook.sender.transition("fail", failing());
  await hook.until(1);
  t.match(hook.outcomes, [/^lost the receiver said 307/]);
  t.equal(elsewhere.received.length, 0);
  await using dead = sending(hookOf("http://127.0.0.1:1/hooks/s3cr3t"), {
    retry: { tries: 1, firstMs: 1, mostMs: 1 },
  });
  dead.sender.transition("fail", failing());
  await dead.until(1);
  t.match(dead.outcomes, [/^lost .*ECONNREFUSED/]);
  t.notMatch([...hook.outcomes, ...dead.outcomes].join(), /s3cr3t/);
});

t.test("while anything fails and nothing changes it is said again", async (t) => {
  const receiver = await webhookReceiver(t);
  let fails = true;
  const anyFails = (): boolean => fails;
  await using hook = sending(hookOf(receiver.url, { repeatEveryMs: 50 }), { anyFails });
  await receiver.until(2);
  t.match(receiver.messages(), [{ cause: "repeat" }, { cause: "repeat" }]);
  fails = false;
  hook.sender.transition("recover", failing());
  while (receiver.messages().at(-1)!.cause !== "news") await receiver.until(receiver.received.length + 1);
  t.pass("and news are told in between");
});

t.test("certificates are verified, by the cluster's own authorities as well", async (t) => {
  const receiver = await tlsReceiver(t);
  const retry = { tries: 1, firstMs: 1, mostMs: 1 };
  await using stranger = sending(hookOf(receiver.url), { retry });
  stranger.sender.transition("fail", failing());
  await stranger.until(1);
  t.match(stranger.outcomes, [/^lost .*(certificate|self)/i]);
  t.equal(receiver.received.length, 0);
  await using trusting = sending(hookOf(receiver.url, { authorities: [receiver.authority] }), { retry });
  trusting.sender.transition("fail", failing());
  await trusting.until(1);
  t.match(trusting.outcomes, [/^delivered/]);
});

t.test("it goes through a proxy, with its credentials", async (t) => {
  const receiver = await tlsReceiver(t);
  const login = { user: "port mesh", password: "p@ss:word" };
  const proxy = await httpProxy(t, { names: {}, login });
  const way = { host: "127.0.0.1", port: proxy.port, credentials: login };
  await using hook = sending(hookOf(receiver.url, { way, authorities: [receiver.authority] }), {
    retry: { tries: 1, firstMs: 1, mostMs: 1 },
  });
  hook.sender.transition("fail", failing());
  await hook.until(1);
  t.match(hook.outcomes, [/^delivered/]);
  t.strictSame(proxy.asked, [`127.0.0.1:${receiver.port}`]);
});

async function tlsReceiver(
  t: Test,
): Promise<Awaited<ReturnType<typeof webhookReceiver>> & { authority: string }> {
  const authority = await makeAuthority("own");
  const identity = await makeIdentity({ hosts: ["127.0.0.1"] }, authority);
  return Object.assign(await webhookReceiver(t, identity), { authority: authority.pem });
}
