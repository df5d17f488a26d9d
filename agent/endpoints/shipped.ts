/**
 * What the specs that ship with this agent print as endpoints: an order may name these without any policy.
 * Read apart from `shared/spec-folder.ts`, whose schemas alone would double the memory of an agent; the tests
 * check these files and compare the two. Imported only when it is asked for.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { EndpointTransport } from "../../shared/names.ts";
import { hasPort, parsePorts, union, type PortSet } from "../../shared/ports.ts";
import type { Endpoint } from "../../shared/spec.ts";

export type IsShipped = (host: string, transport: EndpointTransport, port: number) => boolean;

const specsFolder = join(import.meta.dirname, "..", "..", "specs");
/** From its heading to the next one. */
const endpointsSection = /^endpoints:.*\n(?:[ #].*\n|\n)*/m;

/** Ports are those that the documents print or recommend, whatever a cluster file chooses. */
export function readShipped(): IsShipped {
  const ports = new Map<string, PortSet>();
  for (const file of readdirSync(specsFolder).filter((name) => name.endsWith(".yaml"))) {
    for (const row of endpointsIn(readFileSync(join(specsFolder, file), "utf8"))) {
      for (const host of [...(row.hosts ?? []), ...(row.addresses ?? [])]) {
        const key = `${row.transport} ${host}`;
        ports.set(key, union([ports.get(key) ?? [], portsOf(row)]));
      }
    }
  }
  return (host, transport, port) => {
    const own = ports.get(`${transport} ${host}`);
    return own !== undefined && (transport === "icmp" || hasPort(own, port));
  };
}

function endpointsIn(spec: string): Endpoint[] {
  const section = endpointsSection.exec(spec)?.[0] ?? "endpoints: []";
  return (parse(section) as { endpoints: Endpoint[] | null }).endpoints ?? [];
}

function portsOf({ transport, ports, anyOf, configurable }: Endpoint): PortSet {
  const text = ports ?? anyOf ?? configurable?.recommended;
  if (transport === "icmp" || text === undefined) return [];
  const parsed = parsePorts(text);
  return typeof parsed === "string" ? [] : parsed;
}
