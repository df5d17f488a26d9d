/** When nodes are sent to the world outside, and what is made of what they find there. */
import t from "tap";
import {
  OutsideWatch,
  type EndpointTransition,
} from "../../../../coordinator/watch/outside/outside-watch.ts";
import type { Membership } from "../../../../coordinator/membership.ts";
import { WatchedPlan } from "../../../../coordinator/watch/watched-plan.ts";
import type { EndpointAttempt } from "../../../../shared/endpoint-report.ts";
import { nothingOutside } from "../../../../shared/outside.ts";
import { makePlan } from "../../../../shared/plan.ts";
import type { InspectMessage } from "../../../../shared/wire.ts";
import { clusterOf, endpointRowOf, nodesOf, specOf } from "../../../helpers/domain-fixtures.ts";
import { attemptOf } from "../../../helpers/report-fixtures.ts";

const spec = specOf({
  endpoints: [
    endpointRowOf("portal", { hosts: ["portal.example"] }),
    endpointRowOf("mail", { hosts: ["mail.example"] }),
  ],
});
const plan = makePlan(clusterOf(spec, nodesOf(["peer"], ["peer"])), "runtime", ["bandwidth"]);
const intervalMs = 300_000;
const well = attemptOf();
const silent = attemptOf({ kind: "silent", phase: "connect" });

/** Two nodes that are there, with clocks that stand until they are set. */
class Situation {
  now = 1_000_000;
  readonly watched: WatchedPlan;
  readonly outside: OutsideWatch;
  readonly orders: { node: number; order: InspectMessage }[] = [];
  readonly transitions: EndpointTransition[] = [];

  constructor(before?: WatchedPlan) {
    const membership = {
      ready: [{ node: 0 }, { node: 1 }],
      member: () => undefined,
    } as unknown as Membership;
    const fleet = { membership, wasThere: () => false };
    const past = before && new WatchedPlan(plan, 2, this.now, fleet).historyFrom(before, this.now);
    this.watched = new WatchedPlan(plan, 1, this.now, fleet, past);
    this.outside = new OutsideWatch({ intervalMs, timeoutMs: 4_000, outside: nothingOutside }, this.watched, {
      membership,
      send: (node, message) => this.orders.push({ node, order: message as InspectMessage }),
      now: () => this.now,
      monotonic: () => this.now,
    });
    this.outside.on("transitions", (found) => this.transitions.push(...found));
  }

  /** Time passes, and what is due is ordered. */
  after(ms: number): InspectMessage[] {
    this.now += ms;
    const before = this.orders.length;
    this.outside.tick();
    return this.orders.slice(before).map(({ order }) => order);
  }

  /** Every order is answered: with silence from these hosts. */
  answer(...silentHosts: string[]): void {
    for (const { node, order } of this.orders.splice(0)) {
      const reports = order.endpoints.map(({ id, host }) => ({
        endpoint: id,
        attempts: [silentHosts.includes(host) ? silent : well] as EndpointAttempt[],
      }));
      this.outside.endpoints(node, { type: "endpoints", round: order.round, reports });
      this.outside.inspected(node, order.round);
    }
  }

  get shown(): string[] {
    return plan.endpoints.map(
      ({ id, from, host }) => `${from} ${host} ${this.watched.endpoints.shown(id).reason}`,
    );
  }
}

const hostsOf = (orders: readonly InspectMessage[]): string[][] =>
  orders.map(({ endpoints }) => endpoints.map(({ host }) => host));

t.test("a node looks at everything when it comes, and then once an interval", async (t) => {
  const situation = new Situation();
  situation.outside.listening(0, true);
  situation.outside.listening(1, true);
  t.strictSame(hostsOf(situation.after(0)), [["portal.example", "mail.example"]], "not all at once");
  t.equal(situation.after(60).length, 1);
  situation.answer();
  t.strictSame(situation.transitions, [], "that all works is no news");
  t.strictSame(situation.after(intervalMs - 61), []);
  t.strictSame(hostsOf(situation.after(1)), [["portal.example", "mail.example"]]);
});

t.test("what fails is looked at again soon, alone, and told when it is sure", async (t) => {
  const situation = new Situation();
  situation.outside.listening(0, true);
  situation.after(0);
  situation.answer();
  situation.after(intervalMs);
  situation.answer("mail.example");
  t.strictSame(situation.transitions, []);
  t.strictSame(hostsOf(situation.after(5_000)), [["mail.example"]]);
  situation.answer("mail.example");
  situation.after(5_000);
  situation.answer("mail.example");
  t.match(situation.transitions, [
    { endpoint: { host: "mail.example" }, from: { reason: "served" }, to: { reason: "dropped" } },
  ]);
  t.strictSame(situation.after(5_000), [], "what is believed waits for its turn");
  t.strictSame(hostsOf(situation.after(intervalMs)), [["portal.example", "mail.example"]]);
  situation.answer();
  t.match(situation.transitions[1], { to: { reason: "served" } }, "that it works again is told at once");
});

t.test("one node alone has to look once more than where others fail, too", async (t) => {
  const situation = new Situation();
  for (const node of [0, 1]) situation.outside.listening(node, true);
  situation.after(100);
  situation.answer();
  situation.outside.lost(1);
  situation.after(intervalMs);
  situation.answer("mail.example");
  for (let look = 2; look <= 3; look++) {
    situation.after(5_000);
    situation.answer("mail.example");
  }
  t.strictSame(situation.transitions, []);
  situation.after(5_000);
  situation.answer("mail.example");
  t.equal(situation.transitions.length, 1);
});

t.test("nobody waits for an answer for ever, and a late one is passed over", async (t) => {
  const situation = new Situation();
  situation.outside.listening(0, true);
  const [order] = situation.after(0);
  t.strictSame(situation.after(intervalMs / 2), []);
  t.equal(situation.after(intervalMs / 2).length, 1, "the next one is ordered when it is due");
  const late = {
    type: "endpoints" as const,
    round: order!.round,
    reports: [{ endpoint: 0, attempts: [well] }],
  };
  t.equal(situation.outside.endpoints(0, late), undefined);
  t.match(situation.shown[0], /never-probed/);
  const [, current] = situation.orders;
  const foreign = { ...late, round: current!.order.round, reports: [{ endpoint: 3, attempts: [well] }] };
  t.match(situation.outside.endpoints(0, foreign), /not for an endpoint of this node/);
});

t.test("what was found counts for three intervals", async (t) => {
  const situation = new Situation();
  situation.outside.listening(0, true);
  situation.after(0);
  situation.answer();
  situation.outside.lost(0);
  situation.after(3 * intervalMs);
  t.ok(situation.outside.isFresh(0));
  situation.after(1);
  t.notOk(situation.outside.isFresh(0));
  t.notOk(situation.outside.isFresh(1), "nor does what was never looked at");
});

t.test("another plan, or a restart, knows what was known of the same host", async (t) => {
  const situation = new Situation();
  situation.outside.listening(0, true);
  situation.after(0);
  for (let look = 0; look < 3; look++) {
    situation.answer("mail.example");
    situation.after(5_000);
  }
  const known = ["0 portal.example served", "0 mail.example dropped"];
  t.strictSame(
    situation.shown.filter((each) => each.startsWith("0")),
    known,
  );
  const later = new Situation(situation.watched);
  t.strictSame(later.shown, situation.shown);
  t.equal(later.watched.endpoints.since(2), situation.watched.endpoints.since(2));
  later.outside.listening(0, true);
  later.after(0);
  later.answer("mail.example");
  t.strictSame(later.transitions, [], "that it still fails is no news");
});
