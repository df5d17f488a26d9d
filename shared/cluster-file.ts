/**
 * The user's `cluster.yaml`: which nodes there are, which roles they have, which specs apply. Parsing
 * also resolves the specs, because roles and options are only right or wrong against them.
 */
import Type, { type Static } from "typebox";
import { canonicalAddress, familyOf } from "./addresses.ts";
import { calendarFields, readCalendar, type HistoryLimits, type Schedule } from "./calendar-settings.ts";
import { readDocument, throwProblems, type SourceDocument } from "./document.ts";
import { parseDuration } from "./duration.ts";
import { InvalidInputError, type Problem } from "./errors.ts";
import { notifyFields, readNotify, type HookSettings } from "./notify-settings.ts";
import { outsideFields, readOutside, type OutsideSettings } from "./outside.ts";
import { distance, expects } from "./schema-errors.ts";
import { DurationSchema } from "./schemas.ts";
import { namePattern, optionsUsedBy, rowSections, type ProductSpec } from "./spec.ts";
import {
  OptionValueSchema,
  idleBecause,
  optionValueProblem,
  type OptionValue,
  type OptionValues,
} from "./spec-options.ts";
import { streamLimits } from "./stream-limits.ts";

const NodeName = Type.String({
  pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
  description:
    "Lower-case letters, digits and dashes, at most 63: it is also the node's name in certificates.",
  ...expects("lower-case letters, digits and dashes, at most 63"),
});
const Address = Type.String({ description: "An IPv4 or IPv6 address; names are not resolved." });
const SpecOptions = Type.Record(Type.String(), OptionValueSchema);

export const ClusterFileSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    specs: Type.Array(
      Type.Union(
        [
          Type.Object(
            { id: Type.String({ pattern: namePattern }), options: Type.Optional(SpecOptions) },
            { additionalProperties: false },
          ),
          Type.Object(
            { file: Type.String({ minLength: 1 }), options: Type.Optional(SpecOptions) },
            { additionalProperties: false },
          ),
        ],
        { ...expects("a map with id (a shipped spec) or file (a path), and maybe options") },
      ),
      { minItems: 1 },
    ),
    nodes: Type.Array(
      Type.Object(
        {
          name: NodeName,
          address: Type.Optional(Address),
          addresses: Type.Optional(Type.Array(Address, { minItems: 1, maxItems: 8 })),
          roles: Type.Optional(Type.Array(Type.String({ pattern: namePattern }))),
          zone: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
          publicAddress: Type.Optional({
            ...Address,
            description: "Under which the world reaches the node, where none of its own addresses is public.",
          }),
        },
        { additionalProperties: false },
      ),
      // A node's number travels in two bytes of every probe.
      { minItems: 1, maxItems: 65_000 },
    ),
    probing: Type.Optional(
      Type.Object(
        {
          interval: Type.Optional(DurationSchema),
          timeout: Type.Optional(DurationSchema),
          budget: Type.Optional(DurationSchema),
          outside: Type.Optional({
            ...DurationSchema,
            description:
              "While a cluster is watched: between two visits of a node to its endpoints outside of the cluster; 5m where nothing is said.",
          }),
          bandwidth: Type.Optional(
            Type.Object(
              {
                duration: Type.Optional(DurationSchema),
                // Agents send no more in one stream.
                megabytes: Type.Optional(Type.Integer({ minimum: 1, maximum: streamLimits.bytes / 1e6 })),
              },
              {
                additionalProperties: false,
                description:
                  "For how long, and with how much data at most, each direction of a pair is measured.",
              },
            ),
          ),
        },
        { additionalProperties: false },
      ),
    ),
    thresholds: Type.Optional(
      Type.Object(
        {
          rtt: Type.Optional(DurationSchema),
          loss: Type.Optional(
            Type.String({ pattern: "^[0-9]+(\\.[0-9]+)?%$", ...expects("a percentage such as 1%") }),
          ),
          clock: Type.Optional({
            ...DurationSchema,
            description: "How far clocks may be apart; 300ms where nothing is said.",
          }),
          expiry: Type.Optional({
            ...DurationSchema,
            description:
              "How long before its end a certificate is worth a warning; 14d where nothing is said.",
          }),
        },
        { additionalProperties: false },
      ),
    ),
    ...outsideFields,
    ...notifyFields,
    ...calendarFields,
  },
  { additionalProperties: false, title: "Portmesh cluster file" },
);
export type ClusterFile = Static<typeof ClusterFileSchema>;

export interface ClusterNode {
  name: string;
  /** Canonical, at least one. */
  addresses: readonly string[];
  roles: readonly string[];
  zone: string | undefined;
  /** Canonical. */
  publicAddress?: string | undefined;
}

export interface ChosenSpec {
  spec: ProductSpec;
  /** Defaults of the spec with the cluster file's choices over them. */
  options: OptionValues;
}

/** A cluster file that was checked together with its specs. */
export interface Cluster {
  name: string;
  nodes: readonly ClusterNode[];
  specs: readonly ChosenSpec[];
  probing: Probing;
  thresholds: Thresholds;
  outside: OutsideSettings;
  /** Webhooks. */
  notify: readonly HookSettings[];
  schedule: Schedule;
  history: HistoryLimits;
}

export interface Probing {
  intervalMs: number;
  timeoutMs: number;
  /** For how long ranges may be swept. */
  budgetMs: number;
  /** While a cluster is watched: between two visits of a node to its endpoints. */
  outsideMs: number;
  /** Of each direction of a pair. */
  bandwidth: { durationMs: number; maxBytes: number };
}

/** What makes a path that works a warning; undefined where nobody asked. */
export interface Thresholds {
  rttMs: number | undefined;
  /** Round trips lost, from 0 to 1. */
  lossRatio: number | undefined;
  clockMs: number;
  expiryMs: number;
}

/** Where specs come from; throws InvalidInputError for a spec with mistakes. */
export interface SpecSource {
  shippedIds(): readonly string[];
  shipped(id: string): ProductSpec;
  /** `path` is as written in the cluster file; undefined where there is no such file. */
  file(path: string): ProductSpec | undefined;
  /** The content of another file that the cluster file names; undefined where it cannot be read. */
  text(path: string): string | undefined;
}

const defaults = { intervalMs: 30_000, timeoutMs: 4_000, budgetMs: 60_000, outsideMs: 300_000 };
/** Hosts outside belong to others. */
const leastOutsideMs = 10_000;
export const defaultBandwidth: Probing["bandwidth"] = { durationMs: 1_000, maxBytes: 1_000_000_000 };
export const defaultThresholds: Thresholds = {
  rttMs: undefined,
  lossRatio: undefined,
  clockMs: 300,
  expiryMs: 14 * 86_400_000,
};
/** Shorter ones measure buffers; a warm-up of a quarter of it comes on top. */
const streamDurationMs = { least: 100, most: 0.8 * streamLimits.streamMs } as const;
/** Under this, one lost SYN (sent again after a second) or a slow ARP answer looks like a block. */
const minimumTimeoutMs = 3_200;

/** @throws InvalidInputError with every mistake of the cluster file and of the specs it names. */
export function parseCluster(text: string, file: string, specSource: SpecSource): Cluster {
  const source = readDocument(ClusterFileSchema, text, file);
  const problems: Problem[] = [];
  const specs = chooseSpecs(source, specSource, problems);
  const nodes = readNodes(source, specs, problems);
  const probing = readProbing(source, problems);
  const outside = readOutside(source, (path) => specSource.text(path), problems);
  const notify = readNotify(source, namesIn(source, specs), outside.proxies.http !== undefined, problems);
  const calendar = readCalendar(source, problems);
  throwProblems(problems);
  const { rtt, loss, clock, expiry } = source.value.thresholds ?? {};
  const thresholds: Thresholds = {
    rttMs: rtt === undefined ? undefined : parseDuration(rtt),
    lossRatio: loss === undefined ? undefined : parseFloat(loss) / 100,
    clockMs: clock === undefined ? defaultThresholds.clockMs : parseDuration(clock)!,
    expiryMs: expiry === undefined ? defaultThresholds.expiryMs : parseDuration(expiry)!,
  };
  return {
    name: source.value.name,
    nodes,
    specs: specs.flatMap((spec) => spec ?? []),
    probing,
    thresholds,
    outside,
    notify,
    ...calendar,
  };
}

/** What filters may name; undefined where a spec could not be read. */
function namesIn(
  source: SourceDocument<ClusterFile>,
  specs: readonly (ChosenSpec | undefined)[],
): { specs: string[] | undefined; flows: string[] | undefined; nodes: string[] } {
  const nodes = source.value.nodes.map(({ name }) => name);
  const known = specs.flatMap((chosen) => chosen?.spec ?? []);
  if (known.length < specs.length) return { specs: undefined, flows: undefined, nodes };
  const flows = known.flatMap((spec) =>
    rowSections.flatMap((section) => spec[section].map(({ name }) => name)),
  );
  return { specs: known.map(({ id }) => id), flows, nodes };
}

/** One entry a line of `specs`; undefined where that one could not be had. */
function chooseSpecs(
  source: SourceDocument<ClusterFile>,
  specSource: SpecSource,
  problems: Problem[],
): (ChosenSpec | undefined)[] {
  const seen = new Set<string>();
  return source.value.specs.map((entry, index) => {
    const spec = loadSpec(source, entry, `/specs/${index}`, specSource, problems);
    if (spec === undefined) return undefined;
    if (seen.has(spec.id))
      problems.push(source.problem(`/specs/${index}`, `the spec ${spec.id} is chosen twice`));
    seen.add(spec.id);
    const options: Record<string, OptionValue | undefined> = {};
    for (const [name, option] of Object.entries(spec.options)) options[name] = option.default;
    for (const [name, value] of Object.entries(entry.options ?? {})) {
      const option = Object.hasOwn(spec.options, name) ? spec.options[name] : undefined;
      const problem =
        option === undefined
          ? `${spec.id} has no option ${name}; it has ${Object.keys(spec.options).join(", ") || "none"}`
          : optionValueProblem(name, option, value);
      if (problem === undefined) options[name] = value;
      else problems.push(source.problem(`/specs/${index}/options/${name}`, problem, option === undefined));
    }
    for (const name of Object.keys(entry.options ?? {})) {
      const because = chosenInVain(spec, name, options);
      if (because === undefined) continue;
      const message = `decides nothing here: what depends on ${name} applies only where ${because}`;
      problems.push(source.problem(`/specs/${index}/options/${name}`, message));
    }
    for (const [name, option] of Object.entries(spec.options)) {
      if (option.type === "choice" && options[name] === undefined) {
        const message = `the option ${name} of ${spec.id} must be chosen: ${option.values?.join(", ")}`;
        problems.push(source.problem(`/specs/${index}`, message));
      }
    }
    return { spec, options };
  });
}

/** A choice that the other choices leave without any row is a mistake in one of them. */
function chosenInVain(spec: ProductSpec, name: string, options: OptionValues): string | undefined {
  const usual = spec.options[name]?.default;
  if (JSON.stringify(options[name]) === JSON.stringify(usual)) return undefined;
  const rows = rowSections.flatMap((section) =>
    spec[section].map((row) => ({
      ...(row.when === undefined ? {} : { when: row.when }),
      uses: optionsUsedBy(row).includes(name),
    })),
  );
  return idleBecause(name, rows, options);
}

function loadSpec(
  source: SourceDocument<ClusterFile>,
  entry: { id: string } | { file: string },
  pointer: string,
  specSource: SpecSource,
  problems: Problem[],
): ProductSpec | undefined {
  try {
    if ("file" in entry) {
      const spec = specSource.file(entry.file);
      if (spec === undefined)
        problems.push(source.problem(`${pointer}/file`, `cannot read the spec ${entry.file}`));
      return spec;
    }
    const ids = specSource.shippedIds();
    if (ids.includes(entry.id)) return specSource.shipped(entry.id);
    problems.push(
      source.problem(
        `${pointer}/id`,
        `no spec ${entry.id} is shipped; there are ${ids.join(", ")} (or use file: for your own)`,
      ),
    );
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    problems.push(...error.problems);
  }
  return undefined;
}

function readNodes(
  source: SourceDocument<ClusterFile>,
  specs: readonly (ChosenSpec | undefined)[],
  problems: Problem[],
): ClusterNode[] {
  const roles = [...new Set(specs.flatMap((chosen) => Object.keys(chosen?.spec.roles ?? {})))];
  // A role of a spec that could not be read would look unknown: say nothing about roles then.
  const rolesAreKnown = specs.every((chosen) => chosen !== undefined);
  const names = new Set<string>();
  const owners = new Map<string, string>();
  return source.value.nodes.map((node, index) => {
    const at = `/nodes/${index}`;
    if (names.has(node.name))
      problems.push(source.problem(`${at}/name`, `another node is called ${node.name} too`));
    names.add(node.name);
    if ((node.address === undefined) === (node.addresses === undefined)) {
      problems.push(source.problem(at, "needs either address or addresses"));
    }
    const listed = node.addresses ?? (node.address === undefined ? [] : [node.address]);
    const addresses = listed.flatMap((address, position) => {
      const pointer = node.addresses === undefined ? `${at}/address` : `${at}/addresses/${position}`;
      if (familyOf(address) === undefined) {
        problems.push(
          source.problem(pointer, `must be an IPv4 or IPv6 address; found ${JSON.stringify(address)}`),
        );
        return [];
      }
      const canonical = canonicalAddress(address);
      const owner = owners.get(canonical);
      if (owner !== undefined)
        problems.push(source.problem(pointer, `${address} is already the address of ${owner}`));
      owners.set(canonical, node.name);
      return [canonical];
    });
    for (const [position, role] of (node.roles ?? []).entries()) {
      if (!rolesAreKnown || roles.includes(role)) continue;
      const near = roles.find((candidate) => distance(candidate, role) <= 2);
      const hint = near === undefined ? `the chosen specs have ${roles.join(", ")}` : `did you mean ${near}?`;
      problems.push(source.problem(`${at}/roles/${position}`, `unknown role ${role}; ${hint}`));
    }
    const { publicAddress } = node;
    if (publicAddress !== undefined && familyOf(publicAddress) === undefined)
      problems.push(
        source.problem(
          `${at}/publicAddress`,
          `must be an IPv4 or IPv6 address; found ${JSON.stringify(publicAddress)}`,
        ),
      );
    return {
      name: node.name,
      addresses,
      roles: node.roles ?? [],
      zone: node.zone,
      publicAddress:
        publicAddress === undefined || familyOf(publicAddress) === undefined
          ? undefined
          : canonicalAddress(publicAddress),
    };
  });
}

function readProbing(source: SourceDocument<ClusterFile>, problems: Problem[]): Probing {
  const { interval, timeout, budget, outside, bandwidth } = source.value.probing ?? {};
  const ms = (text: string | undefined, fallback: number): number =>
    text === undefined ? fallback : parseDuration(text)!;
  const probing = {
    intervalMs: ms(interval, defaults.intervalMs),
    timeoutMs: ms(timeout, defaults.timeoutMs),
    budgetMs: ms(budget, defaults.budgetMs),
    outsideMs: ms(outside, defaults.outsideMs),
    bandwidth: {
      durationMs: ms(bandwidth?.duration, defaultBandwidth.durationMs),
      maxBytes:
        bandwidth?.megabytes === undefined ? defaultBandwidth.maxBytes : bandwidth.megabytes * 1_000_000,
    },
  };
  if (probing.timeoutMs < minimumTimeoutMs) {
    const message = `must be at least ${minimumTimeoutMs} ms: one lost packet is sent again only after a second or three`;
    problems.push(source.problem("/probing/timeout", message));
  }
  const { least, most } = streamDurationMs;
  if (probing.bandwidth.durationMs < least || probing.bandwidth.durationMs > most)
    problems.push(
      source.problem("/probing/bandwidth/duration", `must be from ${least} ms to ${most / 1_000} s`),
    );
  if (probing.outsideMs < leastOutsideMs)
    problems.push(source.problem("/probing/outside", `must be at least ${leastOutsideMs / 1_000} s`));
  if (probing.intervalMs <= probing.timeoutMs) {
    const pointer = interval === undefined ? "/probing/timeout" : "/probing/interval";
    problems.push(source.problem(pointer, "the interval must be longer than the timeout"));
  }
  return probing;
}
