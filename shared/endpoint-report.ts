/** What an agent found at endpoints, as it travels: attempts with their outcomes, and what TLS showed. */
import Type, { type Static } from "typebox";
import { maxResultsPerFrame } from "./link.ts";
import {
  exchangeNames,
  outcomeKinds,
  probePhases,
  routes,
  type EndpointTransport,
  type RouteName,
  type Security,
} from "./names.ts";

const exact = { additionalProperties: false };
const Index = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const Short = Type.String({ maxLength: 200 });
const Port = Type.Integer({ minimum: 0, maximum: 65_535, description: "0 for icmp." });

/** A certificate chain as the probing node received and checked it. */
export const TlsFactsSchema = Type.Object(
  {
    /** `TLSv1.3` */
    protocol: Short,
    /** Whose authority stands at the end of the chain: a public one, one that the cluster file trusts, one of its inspection, or none that is known. */
    trust: Type.Enum(["public", "declared", "inspection", "none"]),
    /** Why the chain or the name is not accepted: an OpenSSL verification code. */
    code: Type.Optional(Short),
    subject: Short,
    /** Of the certificate, and of all above it in the chain. */
    issuers: Type.Array(Short, { maxItems: 10 }),
    names: Type.Array(Short, { maxItems: 20 }),
    /** Milliseconds since 1970, as far as dates go (ECMA-262 section 21.4.1.1). */
    notAfter: Type.Number({ minimum: -8.64e15, maximum: 8.64e15 }),
    /** `sha256/…` of the public key, base64. */
    key: Short,
    selfSigned: Type.Boolean(),
    /** Whether the server asks for a client's certificate; absent where nobody could see. */
    requestsCertificate: Type.Optional(Type.Boolean()),
  },
  exact,
);
export type TlsFacts = Static<typeof TlsFactsSchema>;

export const AttemptSchema = Type.Object(
  {
    route: Type.Enum([...routes]),
    /** What was dialled: the host itself, or the proxy. */
    address: Short,
    port: Port,
    kind: Type.Enum([...outcomeKinds]),
    phase: Type.Enum([...probePhases]),
    elapsedMs: Type.Number({ minimum: 0 }),
    rttMs: Type.Optional(Type.Number({ minimum: 0 })),
    attempts: Type.Integer({ minimum: 1, maximum: 255 }),
    code: Type.Optional(Short),
    detail: Type.Optional(Short),
    exchange: Type.Optional(Type.Enum([...exchangeNames])),
    tls: Type.Optional(TlsFactsSchema),
    /** Of the HTTP answer; of a proxy's refusal it is the code. */
    status: Type.Optional(Type.Integer({ minimum: 100, maximum: 599 })),
    /** Why an intermediary answered in the place of the host, by its own word (RFC 9209, or Squid's). */
    proxyError: Type.Optional(Short),
    /** What a time server says, in milliseconds: this node's clock is ahead by so much. */
    clock: Type.Optional(
      Type.Object(
        {
          aheadMs: Type.Number(),
          errorMs: Type.Number({ minimum: 0 }),
          stratum: Type.Integer({ minimum: 0, maximum: 255 }),
        },
        exact,
      ),
    ),
  },
  exact,
);
export type EndpointAttempt = Static<typeof AttemptSchema>;

export const EndpointReportSchema = Type.Object(
  {
    /** Of the order. */
    endpoint: Index,
    /** Absent where the host is an address, or a proxy resolves it. */
    resolution: Type.Optional(
      Type.Object(
        {
          /** The name servers of this node, or `cluster file`. */
          resolvers: Type.Array(Short, { maxItems: 10 }),
          addresses: Type.Array(Short, { maxItems: 64 }),
          elapsedMs: Type.Number({ minimum: 0 }),
          /** `ENOTFOUND`, `ETIMEOUT`, … where there is no address. */
          code: Type.Optional(Short),
          detail: Type.Optional(Short),
        },
        exact,
      ),
    ),
    /** Each address of each family that this node has, and each port. */
    attempts: Type.Array(AttemptSchema, { maxItems: 256 }),
    /** The same host without the proxy, where that was needed to compare certificates. */
    direct: Type.Optional(AttemptSchema),
  },
  exact,
);
export type EndpointReport = Static<typeof EndpointReportSchema>;
export const EndpointReportsSchema = Type.Array(EndpointReportSchema, { maxItems: maxResultsPerFrame });

/** One order to an agent: a host that must be reached. */
export interface WireEndpoint {
  id: number;
  host: string;
  /** From the cluster file; absent where the node is to ask its own resolver. */
  addresses?: readonly string[];
  transport: EndpointTransport;
  /** As `formatPorts` writes them, at most `maxEndpointPorts`. */
  ports: string;
  application: string;
  security: Security;
  passthrough: boolean;
  route: RouteName;
}

export const maxEndpointPorts = 64;

/** What all endpoints share. */
export interface WireOutside {
  proxies: Partial<
    Record<Exclude<RouteName, "direct">, { host: string; port: number; user?: string; password?: string }>
  >;
  /** Addresses that the cluster file gives for names of proxies and of downloads; of endpoints each order has its own. */
  resolve?: Readonly<Record<string, readonly string[]>>;
  /** In PEM. */
  authorities: readonly string[];
  inspection: readonly string[];
}
