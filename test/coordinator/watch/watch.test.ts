/** A watch whose clocks the test moves: what is fresh, what is asked, and what becomes of it when the plan changes. */
import t from "tap";
import { Membership, type Member } from "../../../coordinator/membership.ts";
import { reasonOfCode } from "../../../coordinator/watch/live-matrix.ts";
import { Watch } from "../../../coordinator/watch/watch.ts";
import { WatchedPlan } from "../../../coordinator/watch/watched-plan.ts";
import type { Cluster } from "../../../shared/cluster-file.ts";
import type { Happening } from "../../../shared/api.ts";
import type { Reason } from "../../../shared/names.ts";
import { makePlan } from "../../../shared/plan.ts";
import type { SweepMessage } from "../../../shared/watch-wire.ts";
import type { CoordinatorMessage } from "../../../shared/wire.ts";
import type { KeptTransition } from "../../../coordinator/journal/journal.ts";
import { clusterOf, nodesOf } from "../../helpers/domain-fixtures.ts";
import { watchedSpec } from "../../helpers/watch-coordinator.ts";
import { silentOf, sweepOf } from "../../helpers/watch-fixtures.ts";

const token = "token";
const hourMs = 3_600_000;

/** Three nodes with their agents, and a journal that keeps all at once. */
class Scene {
  readonly clock = { wall: 1_800_000_000_000, monotonic: 1_000 };
  readonly sent: { node: number; message: CoordinatorMessage }[] = [];
  readonly transitions: KeptTransition[] = [];
  readonly happenings: [kind: Happening, node: string | undefined, text: string][] = [];
  readonly watch: Watch;
  readonly cluster: Cluster;
  #membership: Membership;
  #seq = 0;

  constructor(codes?: Uint8Array) {
    this.cluster = clusterOf(watchedSpec, nodesOf(["peer"], ["peer"], ["peer"]));
    const plan = makePlan(this.cluster, "runtime");
    this.#membership = new Membership(plan, token, () => this.clock.monotonic);
    const past = codes === undefined ? undefined : { codes, since: new Map<number, number>() };
    const watched = new WatchedPlan(plan, 1, this.clock.wall, this.fleet, past);
    this.watch = new Watch(this.cluster.probing, watched, {
      membership: this.#membership,
      journal: { commit: () => Promise.resolve(), kept: new Map() },
      send: (node, message) => void this.sent.push({ node, message }),
      broadcast: () => {},
      dismiss: () => {},
      now: () => this.clock.wall,
      monotonic: () => this.clock.monotonic,
      left: new Set(),
    });
    this.watch.on("transitions", (each) => this.transitions.push(...each));
    this.watch.on("happening", (kind, node, text) => this.happenings.push([kind, node, text]));
  }

  get fleet(): { membership: Membership; wasThere: () => boolean } {
    return { membership: this.#membership, wasThere: () => true };
  }

  join(node: number): Member {
    const name = this.watch.watched.plan.nodes[node]!.name;
    const hello = {
      type: "hello",
      node: name,
      token,
      version: "1",
      host: "h",
      pid: 1,
      publicKey: "",
    } as const;
    const member = this.#membership.admit(hello);
    if ("code" in member) throw new Error(member.message);
    this.watch.joined(node);
    this.#membership.reportListening(member, {
      type: "listening",
      round: 0,
      bound: 4,
      elapsedMs: 1,
      exceptions: [],
    });
    this.watch.listening(node, true);
    return member;
  }

  /** Returns what was wrong with it. */
  sweep(node: number, parts: Partial<SweepMessage> = {}): string | undefined {
    const { plan, version } = this.watch.watched;
    return this.watch.sweep(node, sweepOf(plan, node, { plan: version, seq: ++this.#seq, ...parts }));
  }

  pass(ms: number, wallMs = ms): void {
    this.clock.monotonic += ms;
    this.clock.wall += wallMs;
    this.watch.tick();
  }

  shown(from: number, to: number): Reason {
    const { plan, states } = this.watch.watched;
    return reasonOfCode(states.matrix.code(from, plan.pairs.firstPath(from, to)));
  }

  reload(): void {
    const { version, plan } = this.watch.watched;
    const watched = new WatchedPlan(
      plan,
      version + 1,
      this.clock.wall,
      this.fleet,
      this.watch.watched.historyFrom(this.watch.watched, this.clock.wall),
    );
    this.watch.replace(watched, this.cluster.probing);
  }

  last<Type extends CoordinatorMessage["type"]>(type: Type): Extract<CoordinatorMessage, { type: Type }> {
    return this.sent.findLast(({ message }) => message.type === type)!.message as never;
  }
}

function fleet(): Scene {
  const scene = new Scene();
  for (const node of [0, 1, 2]) scene.join(node);
  for (const node of [0, 1, 2]) scene.sweep(node);
  return scene;
}

t.test("a clock that is set changes nothing about what is fresh", async (t) => {
  const scene = fleet();
  t.teardown(() => scene.watch[Symbol.dispose]());
  t.equal(scene.shown(0, 1), "reachable");
  scene.pass(1_000, 24 * hourMs);
  t.equal(scene.shown(0, 1), "reachable", "forward");
  scene.pass(1_000, -48 * hourMs);
  t.equal(scene.shown(0, 1), "reachable", "back");
  scene.pass(4 * scene.cluster.probing.intervalMs);
  t.equal(scene.shown(0, 1), "stale", "nothing was told for four intervals, whatever the clock says");
});

t.test("who says that its sweep took longer than it was ago is not fresh for longer", async (t) => {
  const scene = fleet();
  t.teardown(() => scene.watch[Symbol.dispose]());
  scene.sweep(0, { agoMs: 0, tookMs: 365 * 24 * hourMs });
  t.ok(scene.watch.lastSweepAt(0)! <= scene.clock.wall);
  scene.pass(4 * scene.cluster.probing.intervalMs);
  t.equal(scene.shown(0, 1), "stale");
});

t.test("who says that it swept before there were clocks is told of with a date", async (t) => {
  const other = new Scene();
  t.teardown(() => other.watch[Symbol.dispose]());
  other.join(0);
  other.sweep(0, { agoMs: 1e300, tookMs: 1 });
  t.equal(other.watch.lastSweepAt(0), 1);
});

t.test("what nobody has told since the start is stale under another plan as well", async (t) => {
  const { watch } = fleet();
  const scene = new Scene(watch.watched.states.matrix.codes);
  t.teardown(() => [watch, scene.watch].forEach((each) => each[Symbol.dispose]()));
  t.equal(scene.shown(0, 1), "stale");
  scene.reload();
  t.equal(scene.shown(0, 1), "stale");
  scene.join(0);
  scene.sweep(0);
  t.equal(scene.shown(0, 1), "reachable");
});

t.test("who waits for a look hears of its end, whatever comes of it", async (t) => {
  const scene = fleet();
  t.teardown(() => scene.watch[Symbol.dispose]());
  const asked = new Map([[0, [[9_001, 9_001]] as const]]);
  const answer = { type: "again", agoMs: 5, tookMs: 5 } as const;
  const order = (): number => scene.last("again").again;
  {
    const look = scene.watch.lookNow(0, 1, asked);
    t.match(
      scene.watch.again(0, { ...answer, again: order(), plan: 1, odd: [silentOf("2", "9001")] }),
      /not asked for/,
    );
    t.equal(await look, false, "an answer that makes no sense");
  }
  {
    const look = scene.watch.lookNow(0, 1, asked);
    scene.watch.again(0, { ...answer, again: order(), plan: 1, odd: [silentOf("0", "9001")] });
    scene.reload();
    t.equal(await look, false, "another plan while the far end is asked");
  }
  {
    const look = scene.watch.lookNow(0, 1, asked);
    scene.watch.lost(0, false);
    t.equal(await look, false, "an agent that goes");
  }
  {
    const look = scene.watch.lookNow(1, 2, asked);
    scene.watch[Symbol.dispose]();
    t.equal(await look, false, "the end of the coordinator");
  }
});

t.test("one look that fails while a sweep is asked about counts as one", async (t) => {
  const scene = fleet();
  t.teardown(() => scene.watch[Symbol.dispose]());
  // What fails of another flow is put to n2, which takes its time.
  scene.sweep(0, { odd: [silentOf("1", "9443")] });
  t.equal(scene.last("look").questions.length, 1);
  void scene.watch.lookNow(0, 1, new Map([[0, [[9_001, 9_001]]]]));
  scene.watch.again(0, {
    type: "again",
    again: scene.last("again").again,
    plan: 1,
    odd: [silentOf("0", "9001")],
    agoMs: 5,
    tookMs: 5,
  });
  const { look, questions } = scene.last("look");
  const answers = questions.map(() => ({ saw: "", mute: "", absent: "" }));
  scene.watch.sightings(1, { type: "sightings", look, answers, stalledMs: 0, longestStallMs: 0 });
  t.equal(scene.shown(0, 1), "reachable");
  const { plan, states } = scene.watch.watched;
  const [row] = plan.pairs.rows(0, 1).paths;
  const wanted = states.looksWanted({ from: 0, to: 1, row: row!, id: plan.pairs.firstPath(0, 1) });
  t.equal(wanted, 3, "of the four that it takes where others are well");
});
