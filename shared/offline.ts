/**
 * The files of a check without a coordinator: what an offline agent gets (a plan) and what it leaves (a
 * bundle, signed). They travel by hand, so all of it is checked when it is read.
 */
import Type, { type Static } from "typebox";
import { EndpointReportsSchema } from "./endpoint-report.ts";
import { maxPortsTextLength } from "./link.ts";
import {
  checkPhases,
  endpointTransports,
  protocolNames,
  routes,
  securities,
  skippable,
  transports,
} from "./names.ts";
import { NodeFactsSchema } from "./node-facts.ts";
import { SpecSchema } from "./spec.ts";
import { OptionValueSchema } from "./spec-options.ts";
import { ListeningSchema, QualitySchema, ResultsSchema } from "./wire.ts";

/** Raised by a breaking change of either file. */
const version = Type.Literal(1);
const exact = { additionalProperties: false };
const Index = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const Text = Type.String({ minLength: 1, maxLength: 10_000 });
const Name = Type.String({ minLength: 1, maxLength: 100 });
const Ports = Type.String({ maxLength: maxPortsTextLength });
const Time = Type.String({ maxLength: 30, pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z$" });
const Address = Type.Integer({ minimum: -1, maximum: 255 });

/** What every bundle carries of the plan; the plan itself is made from it again, and must have the digest. */
const PublicPlanSchema = Type.Object(
  {
    /** SHA-256 of the plan, hexadecimal. */
    digest: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    phase: Type.Enum([...checkPhases]),
    skip: Type.Array(Type.Enum([...skippable])),
    cluster: Type.Object(
      {
        name: Name,
        nodes: Type.Array(
          Type.Object(
            {
              name: Name,
              addresses: Type.Array(Name, { minItems: 1 }),
              roles: Type.Array(Name),
              zone: Type.Optional(Name),
              publicAddress: Type.Optional(Name),
            },
            exact,
          ),
          { minItems: 1 },
        ),
        specs: Type.Array(
          Type.Object({ spec: SpecSchema, options: Type.Record(Type.String(), OptionValueSchema) }, exact),
        ),
        thresholds: Type.Object(
          {
            rttMs: Type.Optional(Type.Number()),
            lossRatio: Type.Optional(Type.Number()),
            clockMs: Type.Number(),
            expiryMs: Type.Number(),
          },
          exact,
        ),
        routes: Type.Array(Type.Enum([...routes])),
        pins: Type.Record(Type.String(), Type.String()),
      },
      exact,
    ),
  },
  exact,
);
export type PublicPlan = Static<typeof PublicPlanSchema>;

/** A name or an address: RFC 1035 section 2.3.4. */
const Host = Type.String({ minLength: 1, maxLength: 253 });
const ProxySchema = Type.Object(
  {
    host: Host,
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    user: Type.Optional(Type.String()),
    password: Type.Optional(Type.String()),
  },
  exact,
);
const Text200 = Type.String({ maxLength: 200 });

/** What the node looks at on itself and outside of the cluster: the order of an `inspect`. */
const InspectOrderSchema = Type.Object(
  {
    facts: Type.Object(
      {
        sysctls: Type.Array(Text200),
        modules: Type.Array(Text200),
        certificates: Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 })),
        downloads: Type.Array(Type.String({ maxLength: 2_000 })),
      },
      exact,
    ),
    endpoints: Type.Array(
      Type.Object(
        {
          id: Index,
          host: Host,
          addresses: Type.Optional(Type.Array(Name)),
          transport: Type.Enum([...endpointTransports]),
          ports: Ports,
          application: Text200,
          security: Type.Enum([...securities]),
          passthrough: Type.Boolean(),
          route: Type.Enum([...routes]),
        },
        exact,
      ),
    ),
    outside: Type.Object(
      {
        proxies: Type.Object({ http: Type.Optional(ProxySchema), socks5: Type.Optional(ProxySchema) }, exact),
        resolve: Type.Optional(Type.Record(Type.String(), Type.Array(Name))),
        authorities: Type.Array(Type.String()),
        inspection: Type.Array(Type.String()),
      },
      exact,
    ),
  },
  exact,
);

export const OfflinePlanSchema = Type.Object(
  {
    apiVersion: Type.Literal("portmesh/v1"),
    kind: Type.Literal("OfflinePlan"),
    version,
    /** After this the certificates are not valid any more. */
    validUntil: Time,
    plan: PublicPlanSchema,
    epoch: Type.Object({ id: Index, secret: Text }, exact),
    certificate: Text,
    /** PKCS #8 in PEM: the file is a secret. */
    privateKey: Text,
    authority: Text,
    node: Index,
    cluster: Name,
    nodes: Type.Array(Type.Object({ index: Index, name: Name, addresses: Type.Array(Name) }, exact)),
    listeners: Type.Array(
      Type.Object({ transport: Type.Enum([...transports]), address: Address, ports: Ports }, exact),
    ),
    timeoutMs: Type.Integer({ minimum: 1, maximum: 600_000 }),
    /** Absent where endpoints and requirements were left out. */
    inspect: Type.Optional(InspectOrderSchema),
    samples: Index,
    rttThresholdMs: Type.Optional(Type.Number({ minimum: 0 })),
    targets: Type.Array(
      Type.Object(
        { id: Index, to: Index, address: Address, protocol: Type.Enum([...protocolNames]), ports: Ports },
        exact,
      ),
    ),
  },
  exact,
);
export type OfflinePlan = Static<typeof OfflinePlanSchema>;

const SightingSchema = Type.Object(
  {
    /** The node whose probes are meant, and the ports of this node: as in the answer to a `look`. */
    from: Index,
    transport: Type.Enum([...transports]),
    saw: Ports,
    mute: Ports,
    absent: Ports,
  },
  exact,
);
export type OfflineSighting = Static<typeof SightingSchema>;

/** What is signed. */
export const BundleContentSchema = Type.Object(
  {
    apiVersion: Type.Literal("portmesh/v1"),
    kind: Type.Literal("BundleContent"),
    version,
    plan: PublicPlanSchema,
    node: Index,
    agent: Type.Object({ version: Name, host: Type.String({ maxLength: 255 }) }, exact),
    startedAt: Time,
    finishedAt: Time,
    /** Whether somebody ended the agent before its window was over. */
    interrupted: Type.Boolean(),
    listening: Type.Object(
      {
        /** From when on its ports were held. */
        since: Time,
        bound: Index,
        elapsedMs: Type.Number({ minimum: 0 }),
        exceptions: ListeningSchema.properties.exceptions,
      },
      exact,
    ),
    /** When each round of probes began. */
    rounds: Type.Array(Time, { maxItems: 10_000 }),
    /** The last word on each port; failures only from moments when the peer was known to be there. */
    results: Type.Array(ResultsSchema),
    /** The last word on ports of peers that were never heard at the time. */
    unconfirmed: Type.Array(ResultsSchema),
    /** Ranges for whose sweep the window was too short, as in `done`. */
    cut: Type.Object({ targets: Type.Array(Index), fullSweepMs: Type.Number({ minimum: 0 }) }, exact),
    quality: QualitySchema.properties.targets,
    sightings: Type.Array(SightingSchema),
    endpoints: EndpointReportsSchema,
    /** Absent where the agent was ended before it had read them. */
    facts: Type.Optional(NodeFactsSchema),
    /** For how long this agent did not run, in milliseconds. */
    stalledMs: Type.Number({ minimum: 0 }),
  },
  exact,
);
export type BundleContent = Static<typeof BundleContentSchema>;

export const BundleSchema = Type.Object(
  {
    apiVersion: Type.Literal("portmesh/v1"),
    kind: Type.Literal("Bundle"),
    version,
    /** The signed text, JSON in itself: a signature is over bytes, not over values. */
    content: Type.String(),
    /** ECDSA P-256 with SHA-256 in DER, base64. */
    signature: Text,
    certificate: Text,
    authority: Text,
  },
  exact,
);
export type Bundle = Static<typeof BundleSchema>;

/** The largest bundle or plan that is read, in bytes. */
export const maxOfflineFileBytes = 64 * 1024 * 1024;
