/** What a spec claims that a document says: the numbers, hosts and addresses that can be looked up there. */
import { parsePorts, type PortInterval, type PortsText } from "../../shared/ports.ts";
import { parseDoc, rowSections, type ProductSpec, type Requirement, type Row } from "../../shared/spec.ts";
import type { SpecOption } from "../../shared/spec-options.ts";
import { figuresIn } from "./figures.ts";
import { addressesIn, hostsIn, portsIn } from "./mentions.ts";

export interface Claims {
  /** `flows/etcd`, as users and reports refer to it. */
  row: string;
  /** The id of a source of the spec. */
  document: string;
  cited: ReadonlySet<number>;
  ports: readonly PortInterval[];
  redirectTo: number | undefined;
  hosts: readonly string[];
  addresses: readonly string[];
  /** Numbers that are no ports: bandwidths, versions of TLS. */
  figures: readonly string[];
}

type Facts = Pick<Claims, "ports" | "redirectTo" | "hosts" | "addresses" | "figures">;
const noFacts: Facts = { ports: [], redirectTo: undefined, hosts: [], addresses: [], figures: [] };

export function claimsOf(spec: ProductSpec): Claims[] {
  const rows = rowSections.flatMap((section) =>
    spec[section].map((row: Row) =>
      citing(
        `${section}/${row.name}`,
        row.doc,
        "kind" in row ? factsOfRequirement(row) : factsOfConnection(row),
      ),
    ),
  );
  const options = Object.entries(spec.options).flatMap(([name, option]) =>
    option.doc === undefined ? [] : [citing(`options/${name}`, option.doc, factsOfOption(option))],
  );
  return [...rows, ...options];
}

function citing(row: string, doc: string, facts: Facts): Claims {
  const { document, lines } = parseDoc(doc);
  const cited = lines.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
  return { row, document, cited: new Set(cited), ...facts };
}

function factsOfConnection(row: Exclude<Row, Requirement>): Facts {
  const listed = row.ports as PortsText | undefined;
  const items = [
    ...(Array.isArray(listed) ? listed : [listed]),
    ...(row.anyOf ?? []),
    row.configurable?.recommended,
  ].filter((item) => item !== undefined);
  return {
    // One by one: taken together, neighbours such as 2379 and 2380 would become a range that nobody printed.
    ports: items.flatMap((item) => parsePorts(item) as PortInterval[]),
    redirectTo: "redirectTo" in row ? row.redirectTo : undefined,
    hosts: "hosts" in row ? (row.hosts ?? []) : [],
    addresses: "addresses" in row ? (row.addresses ?? []) : [],
    figures: row.tlsMinimum === undefined ? [] : [row.tlsMinimum],
  };
}

/**
 * A requirement says its facts in words, so they are found as in a document. Its `key` is not the document's
 * but the node's word, and so is what a kernel setting is expected to be: where a document says "enabled",
 * the kernel says 1.
 */
function factsOfRequirement({ kind, expected, minimum }: Requirement): Facts {
  if (kind === "sysctl" || kind === "kernel-module") return noFacts;
  return {
    ports: portsIn(expected).flatMap(({ readings }) => readings.map(({ ports }) => ports)),
    redirectTo: undefined,
    hosts: hostsIn(expected),
    addresses: addressesIn(expected),
    figures: [...figuresIn(expected), ...(minimum === undefined ? [] : [String(minimum.value)])],
  };
}

/** A choice between ports, or the usual one of a port that the user chooses. */
function factsOfOption({ type, values = [], default: usual }: SpecOption): Facts {
  const numbers = type === "port" ? [usual] : values;
  const ports = numbers.map(Number).filter((port) => Number.isInteger(port) && port >= 1 && port <= 65535);
  return { ...noFacts, ports: ports.map((port): PortInterval => [port, port]) };
}
