/**
 * What one product needs of its network, as data: the schema of `specs/*.yaml`, its type, and the checks
 * a schema cannot express. A row cites the lines of the vendor's document that ask for it (`doc`).
 */
import Type, { type Static } from "typebox";
import { readDocument, throwProblems, type SourceDocument } from "./document.ts";
import type { Problem } from "./errors.ts";
import { directions, endpointTransports, levels, phases, scopes, securities, transports } from "./names.ts";
import { isRegistered, registeredPorts } from "./registered-ports.ts";
import { expects } from "./schema-errors.ts";
import { DocSchema, PortsSchema } from "./schemas.ts";
import { hostProblems, portProblems } from "./spec-places.ts";
import { ConditionSchema, OptionSchema, conditionProblem } from "./spec-options.ts";

export const namePattern = "^[a-z0-9]+(-[a-z0-9]+)*$";
const Name = Type.String({
  pattern: namePattern,
  ...expects("lower-case words joined by dashes, such as all-nodes"),
});
const Text = Type.String({ minLength: 1 });
const Port = Type.Integer({ minimum: 1, maximum: 65535 });
const Names = Type.Array(Name, { minItems: 1 });
const RoleNames = Type.Array(Name, { minItems: 1, description: "Names of roles of this spec." });

/** What every row carries. */
const rowFields = {
  name: Name,
  description: Text,
  doc: DocSchema,
  phase: Type.Enum([...phases], {
    description: "When it is needed; install rows may be shut after the installation.",
  }),
  level: Type.Enum([...levels], { description: "A conditional row applies only where its `when` holds." }),
  when: Type.Optional(ConditionSchema),
};

const SuppliedSchema = Type.Object(
  { option: Name },
  {
    additionalProperties: false,
    description:
      "The far end is the user's own, or has no name in the document: an option of type host names it.",
  },
);
const TlsMinimumSchema = Type.Enum(["1.2", "1.3"], {
  description: "Where TLS is used at all: the lowest version.",
});

const FlowSchema = Type.Object(
  {
    ...rowFields,
    from: RoleNames,
    to: RoleNames,
    transport: Type.Enum([...transports]),
    ports: Type.Optional(PortsSchema),
    anyOf: Type.Optional(
      Type.Array(Port, { minItems: 2, description: "Alternatives: one open port of these is enough." }),
    ),
    configurable: Type.Optional(
      Type.Object(
        { option: Name, recommended: Port },
        {
          additionalProperties: false,
          description: "The port is the user's choice, made by an option of type port.",
        },
      ),
    ),
    supplied: Type.Optional(SuppliedSchema),
    endpoints: Type.Optional({
      ...Names,
      description: "Endpoints of this spec that are its far end, so that their probes are its own.",
    }),
    application: Name,
    security: Type.Enum([...securities]),
    tlsMinimum: Type.Optional(TlsMinimumSchema),
    scope: Type.Enum([...scopes]),
    direction: Type.Optional(Type.Enum([...directions], { description: "As printed in the document." })),
    redirectTo: Type.Optional({ ...Port, description: "The host itself redirects the port to this one." }),
    closed: Type.Optional(
      Type.Object(
        {
          after: Type.Optional(
            Type.Enum(["install"], { description: "May be shut once this phase is over." }),
          ),
          from: Type.Optional(
            Type.Enum(["outside"], { description: "May be shut for traffic from outside the cluster." }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

const EndpointSchema = Type.Object(
  {
    ...rowFields,
    from: RoleNames,
    to: Type.Optional({
      ...RoleNames,
      description: "Roles of the cluster behind the host: before the installation nobody answers there.",
    }),
    hosts: Type.Optional(
      Type.Array(Type.String({ pattern: "^([a-z0-9_-]+\\.)+[a-z0-9-]+$" }), { minItems: 1 }),
    ),
    addresses: Type.Optional(Type.Array(Type.String({ pattern: "^[0-9a-f.:]+$" }), { minItems: 1 })),
    supplied: Type.Optional(SuppliedSchema),
    transport: Type.Enum([...endpointTransports]),
    ports: Type.Optional(PortsSchema),
    anyOf: Type.Optional(Type.Array(Port, { minItems: 2 })),
    configurable: Type.Optional(
      Type.Object({ option: Name, recommended: Port }, { additionalProperties: false }),
    ),
    application: Name,
    security: Type.Enum([...securities]),
    tlsMinimum: Type.Optional(TlsMinimumSchema),
    issuer: Type.Optional({
      ...Text,
      description: "Who is expected to have issued the server's certificate.",
    }),
    passthrough: Type.Optional(Type.Boolean({ description: "TLS must reach the endpoint unopened." })),
    proxies: Type.Optional(
      Type.Array(Type.Enum(["http", "socks5"]), { description: "Kinds of proxies that may stand between." }),
    ),
    proxyAbilities: Type.Optional(Type.Array(Type.Enum(["websocket", "sni"]))),
  },
  { additionalProperties: false },
);

const requirementKinds = [
  "access",
  "address",
  "bandwidth",
  "certificate",
  "clock",
  "domain",
  "kernel-module",
  "latency",
  "load-balancer",
  "proxy",
  "public-address",
  "service",
  "subnet",
  "sysctl",
  "topology",
] as const;

const RequirementSchema = Type.Object(
  {
    ...rowFields,
    kind: Type.Enum([...requirementKinds]),
    on: RoleNames,
    toward: Type.Optional({
      ...RoleNames,
      description: "The other end, where the requirement is about a pair.",
    }),
    key: Type.Optional({
      ...Text,
      description:
        "What to look at: a sysctl, a kernel module, a property of a certificate, a kind of proxy.",
    }),
    expected: { ...Text, description: "What the document asks for, with its unit as printed." },
    minimum: Type.Optional(
      Type.Object(
        { value: Type.Number(), unit: Text },
        { additionalProperties: false, description: "The figure of `expected`, for measuring against." },
      ),
    ),
    endpoints: Type.Optional({ ...Names, description: "Endpoints of this spec whose probes show it." }),
    flows: Type.Optional(
      Type.Union([Names, Type.Literal("all")], {
        description: "Flows of this spec whose ports show it; all of them between its nodes.",
        ...expects("a list of names of flows, or all"),
      }),
    ),
    issuer: Type.Optional({
      ...Text,
      description: "Who is expected to have issued the certificate, or self-signed.",
    }),
    supplied: Type.Optional({
      ...Names,
      description: "Options of type host or url that name what has to be looked at.",
    }),
    byInstaller: Type.Optional(
      Type.Boolean({ description: "The product's installer sees to it: not asked for before." }),
    ),
    stated: Type.Optional({ ...Text, description: "Why no probe can show it: people have to confirm it." }),
  },
  { additionalProperties: false },
);

export const SpecSchema = Type.Object(
  {
    id: Name,
    title: Text,
    version: Type.String({
      pattern: "^[0-9]+\\.[0-9]+\\.[0-9]+$",
      description: "Version of this spec, not of the product.",
    }),
    source: Type.Array(
      Type.Object(
        {
          id: Name,
          title: Text,
          lines: Type.Integer({ minimum: 1 }),
          sha256: Type.String({
            pattern: "^[0-9a-f]{64}$",
            description: "Of the text whose line numbers `doc` cites.",
          }),
          read: Type.String({ pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description: "The day it was read." }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, description: "The vendor's documents." },
    ),
    options: Type.Record(Type.String({ pattern: namePattern }), OptionSchema, {
      description: "What the user may choose, and what changes which rows apply.",
    }),
    roles: Type.Record(
      Type.String({ pattern: namePattern }),
      Type.Object(
        {
          title: Text,
          place: Type.Enum(["in-cluster", "outside"]),
          everyNode: Type.Optional(Type.Boolean({ description: "Every node of the cluster has this role." })),
          alias: Type.Optional({ ...Names, description: "Other names the document uses for it." }),
          doc: DocSchema,
        },
        { additionalProperties: false },
      ),
    ),
    flows: Type.Array(FlowSchema),
    endpoints: Type.Array(EndpointSchema),
    requirements: Type.Array(RequirementSchema),
  },
  {
    additionalProperties: false,
    title: "Portmesh spec",
    description: "What one product needs of its network.",
  },
);

export type ProductSpec = Static<typeof SpecSchema>;
export type Flow = Static<typeof FlowSchema>;
export type Endpoint = Static<typeof EndpointSchema>;
export type Requirement = Static<typeof RequirementSchema>;
export type Row = Flow | Endpoint | Requirement;
export const rowSections = ["flows", "endpoints", "requirements"] as const;

/** @throws InvalidInputError with every mistake of the file. */
export function parseSpec(text: string, file: string): ProductSpec {
  const source = readDocument(SpecSchema, text, file);
  throwProblems([
    ...sectionProblems(source),
    ...referenceProblems(source),
    ...portProblems(source),
    ...hostProblems(source),
  ]);
  return source.value;
}

/** Names are unique within their section: `flows/etcd` is how users and reports refer to a row. */
function sectionProblems(source: SourceDocument<ProductSpec>): Problem[] {
  return rowSections.flatMap((section) => {
    const seen = new Set<string>();
    return source.value[section].flatMap((row, index) => {
      const again = seen.has(row.name);
      seen.add(row.name);
      return again
        ? [source.problem(`/${section}/${index}/name`, `${row.name} is used twice in ${section}`)]
        : [];
    });
  });
}

function referenceProblems(source: SourceDocument<ProductSpec>): Problem[] {
  const spec = source.value;
  const problems: Problem[] = [];
  const roles = Object.keys(spec.roles);
  const documents = new Map(spec.source.map(({ id, lines }) => [id, lines]));
  const checkDoc = (doc: string, pointer: string): void => {
    const problem = docProblem(doc, documents);
    if (problem !== undefined) problems.push(source.problem(pointer, problem));
  };
  for (const [name, role] of Object.entries(spec.roles)) checkDoc(role.doc, `/roles/${name}/doc`);
  for (const [name, { doc }] of Object.entries(spec.options)) {
    if (doc !== undefined) checkDoc(doc, `/options/${name}/doc`);
  }
  for (const section of rowSections) {
    for (const [index, row] of spec[section].entries()) {
      const at = `/${section}/${index}`;
      checkDoc(row.doc, `${at}/doc`);
      for (const field of ["from", "to", "on", "toward"] as const) {
        for (const [position, role] of (
          (row as Partial<Record<typeof field, string[]>>)[field] ?? []
        ).entries()) {
          if (roles.includes(role)) continue;
          problems.push(
            source.problem(
              `${at}/${field}/${position}`,
              `unknown role ${role}; this spec has ${roles.join(", ")}`,
            ),
          );
        }
      }
      if ((row.level === "conditional") !== (row.when !== undefined)) {
        problems.push(source.problem(`${at}/level`, "level conditional and the field when go together"));
      }
      if (row.when !== undefined) {
        const problem = conditionProblem(row.when, spec.options);
        if (problem !== undefined) problems.push(source.problem(`${at}/when`, problem));
      }
      for (const { pointer, option, types } of optionsOf(row)) {
        if (types.includes(spec.options[option]?.type ?? "")) continue;
        const wanted = `${option} must be an option of type ${types.join(" or ")} of this spec`;
        problems.push(source.problem(`${at}/${pointer}`, wanted));
      }
      for (const field of ["endpoints", "flows"] as const) {
        for (const [position, name] of rowsNamedBy(row, field).entries()) {
          if (spec[field].some((other) => other.name === name)) continue;
          problems.push(
            source.problem(`${at}/${field}/${position}`, `${name} is not one of the ${field} of this spec`),
          );
        }
      }
      if ("kind" in row && row.kind === "service" && row.supplied !== undefined && !isRegistered(row.key)) {
        const known = Object.keys(registeredPorts).join(", ");
        problems.push(source.problem(at, `a service that the user names needs a key: one of ${known}`));
      }
    }
  }
  return problems;
}

function rowsNamedBy(row: Row, field: "endpoints" | "flows"): readonly string[] {
  const named = (row as Partial<Record<typeof field, readonly string[] | "all">>)[field];
  return named === undefined || named === "all" ? [] : named;
}

/** Names of the options that a row takes ports, hosts and URLs from. */
export function optionsUsedBy(row: Row): string[] {
  return optionsOf(row).map(({ option }) => option);
}

/** The options that a row takes ports and hosts from, each with the types that fit. */
function optionsOf(row: Row): { pointer: string; option: string; types: readonly string[] }[] {
  if ("kind" in row)
    return (row.supplied ?? []).map((option, position) => ({
      pointer: `supplied/${position}`,
      option,
      types: ["host", "url"],
    }));
  return [
    ...(row.configurable === undefined
      ? []
      : [{ pointer: "configurable/option", option: row.configurable.option, types: ["port"] }]),
    ...(row.supplied === undefined
      ? []
      : [{ pointer: "supplied/option", option: row.supplied.option, types: ["host"] }]),
  ];
}

/** Splits `ports:10-14,20` into the document and its line intervals. */
export function parseDoc(doc: string): { document: string; lines: [first: number, last: number][] } {
  const [document, list] = doc.split(":") as [string, string];
  const lines = list.split(",").map((item): [number, number] => {
    const [first, last] = item.split("-").map(Number) as [number, number?];
    return [first, last ?? first];
  });
  return { document, lines };
}

function docProblem(doc: string, documents: ReadonlyMap<string, number>): string | undefined {
  const { document, lines } = parseDoc(doc);
  const length = documents.get(document);
  if (length === undefined)
    return `unknown document ${document}; source has ${[...documents.keys()].join(", ")}`;
  const bad = lines.find(([first, last]) => first < 1 || last < first || last > length);
  return bad === undefined
    ? undefined
    : `lines ${bad.join("-")} are not within the ${length} lines of ${document}`;
}
