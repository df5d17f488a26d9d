/** Matches documents to the sources of specs and gathers what is wrong with either, and a summary of each spec. */
import { createHash } from "node:crypto";
import { rowSections, type ProductSpec } from "../../shared/spec.ts";
import { claimsOf, type Claims } from "./claims.ts";
import { inventions, omissions, provenRedirect } from "./coverage.ts";
import { readVendorDocument, type VendorDocument } from "./mentions.ts";

export interface DocumentFile {
  name: string;
  bytes: Uint8Array;
}

interface Comparison {
  findings: readonly string[];
  /** One line for each spec. */
  summary: readonly string[];
}

/** One source of one spec, its document if there is a file of it, and what the spec claims of it. */
interface Citation {
  spec: ProductSpec;
  source: ProductSpec["source"][number];
  document: VendorDocument | undefined;
  claims: readonly Claims[];
}

export function compare(specs: readonly ProductSpec[], files: readonly DocumentFile[]): Comparison {
  const documents = new Map(
    files.map(({ bytes }) => [sha256(bytes), readVendorDocument(Buffer.from(bytes).toString())]),
  );
  const citations = specs.flatMap((spec) => {
    const claims = claimsOf(spec);
    return spec.source.map((source): Citation => ({
      spec,
      source,
      document: documents.get(source.sha256),
      claims: claims.filter(({ document }) => document === source.id),
    }));
  });
  const cited = new Set(citations.map(({ source }) => source.sha256));
  return {
    findings: [
      ...citations.flatMap((citation) => findingsOf(citation, citations)),
      ...[...documents].flatMap(([sha, document]) => forgotten(sha, document, citations)),
      ...files
        .filter(({ bytes }) => !cited.has(sha256(bytes)))
        .map(({ name }) => `${name}: no spec has it as a source`),
    ],
    summary: specs.map((spec) =>
      summarise(
        spec,
        citations.filter((citation) => citation.spec === spec),
      ),
    ),
  };
}

function findingsOf({ spec, source, document, claims }: Citation, all: readonly Citation[]): string[] {
  if (document === undefined)
    return [`${source.title}: ${spec.id} has it as a source, and no file has its sha256`];
  const length = document.lines.length;
  const redirects = all
    .filter((other) => other.spec === spec && other.document !== undefined)
    .flatMap((other) => other.claims.flatMap((claim) => provenRedirect(other.document!, claim) ?? []));
  return [
    ...(length === source.lines
      ? []
      : [`${source.title}: has ${length} lines, and ${spec.id} says ${source.lines}`]),
    ...inventions(source.title, document, claims, new Set(redirects)),
  ];
}

/** Specs that share a document may share the work: what none of them has is missing, once. */
function forgotten(sha: string, document: VendorDocument, all: readonly Citation[]): string[] {
  const citations = all.filter(({ source }) => source.sha256 === sha);
  const title = citations[0]?.source.title;
  if (title === undefined) return [];
  return omissions(
    title,
    document,
    citations.flatMap(({ claims }) => claims),
  );
}

function summarise(spec: ProductSpec, citations: readonly Citation[]): string {
  const rows = rowSections.reduce((sum, section) => sum + spec[section].length, 0);
  const count = (of: (document: VendorDocument) => readonly unknown[]): number =>
    citations.reduce((sum, { document }) => sum + (document === undefined ? 0 : of(document).length), 0);
  const lines = citations.reduce(
    (sum, { claims }) => sum + new Set(claims.flatMap(({ cited }) => [...cited])).size,
    0,
  );
  return (
    `${spec.id}: ${rows} rows cite ${lines} of ${count((document) => document.lines)} lines; ` +
    `looked up ${count(({ ports }) => ports)} mentions of ports, ${count(({ hosts }) => hosts)} of hosts ` +
    `and ${count(({ addresses }) => addresses)} of addresses`
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
