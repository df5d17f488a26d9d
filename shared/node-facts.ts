/** What an agent reads of its own host, as it travels: figures with the place where each was read. */
import Type, { type Static } from "typebox";
import { TlsFactsSchema } from "./endpoint-report.ts";

const exact = { additionalProperties: false };
const Short = Type.String({ maxLength: 200 });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const NodeFactsSchema = Type.Object(
  {
    /** By name (`net.ipv4.ip_forward`); null where the host has none of that name, absent where it could not be read. */
    sysctls: Type.Record(Short, Type.Union([Short, Type.Null()])),
    modules: Type.Record(Short, Type.Enum(["loaded", "built-in", "absent", "unknown"])),
    interfaces: Type.Array(
      Type.Object(
        {
          name: Short,
          /** In bytes; absent where nothing tells. */
          mtu: Type.Optional(Count),
          addresses: Type.Array(
            Type.Object(
              {
                address: Short,
                prefix: Type.Integer({ minimum: 0, maximum: 128 }),
                /** Whether a lease gave it; absent where nothing tells. */
                leased: Type.Optional(Type.Boolean()),
                /** Where that was read: a lease file, the kernel's flags. */
                from: Type.Optional(Short),
              },
              exact,
            ),
            { maxItems: 64 },
          ),
        },
        exact,
      ),
      { maxItems: 256 },
    ),
    /** From which the kernel takes ports for connections, and what it leaves out of it. */
    ephemeral: Type.Optional(
      Type.Object({ first: Count, last: Count, reserved: Type.String({ maxLength: 10_000 }) }, exact),
    ),
    /** Absent where the kernel tracks no connections. */
    conntrack: Type.Optional(Type.Object({ count: Count, max: Count }, exact)),
    /** Of the agent and of the whole host; absent where there is no /proc. */
    descriptors: Type.Optional(
      Type.Object(
        { soft: Count, hard: Count, hostUsed: Type.Optional(Count), hostMax: Type.Optional(Count) },
        exact,
      ),
    ),
    clock: Type.Object(
      {
        /** Whether the host's time service says that the clock is kept; absent where there is none to ask. */
        synchronized: Type.Optional(Type.Boolean()),
        /** `chronyc tracking`, `timedatectl`, … */
        from: Type.Optional(Short),
        /** By which the clock is ahead of its source, in milliseconds, as the time service says. */
        aheadMs: Type.Optional(Type.Number()),
        detail: Type.Optional(Short),
      },
      exact,
    ),
    /** What real services on this node's own ports present. */
    certificates: Type.Array(
      Type.Object(
        {
          port: Type.Integer({ minimum: 1, maximum: 65_535 }),
          tls: Type.Optional(TlsFactsSchema),
          detail: Type.Optional(Short),
        },
        exact,
      ),
      { maxItems: 64 },
    ),
    downloads: Type.Array(
      Type.Object(
        {
          url: Type.String({ maxLength: 2_000 }),
          bytes: Count,
          elapsedMs: Type.Number({ minimum: 0 }),
          route: Short,
          detail: Type.Optional(Short),
        },
        exact,
      ),
      { maxItems: 8 },
    ),
  },
  exact,
);
export type NodeFacts = Static<typeof NodeFactsSchema>;

/** What is to be read beyond what is always read. */
export interface FactNeeds {
  sysctls: readonly string[];
  modules: readonly string[];
  /** Ports of this node whose service's certificate is looked at. */
  certificates: readonly number[];
  /** URLs from which a download is measured. */
  downloads: readonly string[];
}

export const noFactNeeds: FactNeeds = { sysctls: [], modules: [], certificates: [], downloads: [] };
