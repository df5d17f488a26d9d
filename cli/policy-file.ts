/** Reads `--policy FILE`. Apart from the agent, which then needs no YAML and no schema library unless there is a policy. */
import Type from "typebox";
import { defaultPolicy, type Policy } from "../agent/policy.ts";
import { familyOf, formatEndpoint, parseHost } from "../shared/addresses.ts";
import { readDocument, throwProblems } from "../shared/document.ts";
import { readTextFile } from "../shared/spec-folder.ts";

const PolicySchema = Type.Object(
  {
    allow: Type.Optional(
      Type.Array(Type.String(), { minItems: 1, description: "CIDR ranges this node may probe." }),
    ),
    endpoints: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: 10_000,
        description: "name:port and address:port outside of these ranges that this node may reach.",
      }),
    ),
    probesPerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    relay: Type.Optional(
      Type.Boolean({ description: "Whether peers may reach the coordinator through this node." }),
    ),
  },
  { additionalProperties: false, title: "Portmesh agent policy" },
);

/** @throws InvalidInputError with every mistake of the file. */
export function readPolicy(path: string): Policy {
  const source = readDocument(PolicySchema, readTextFile(path, "the policy file"), path);
  const policy = { ...defaultPolicy, ...source.value };
  const endpoints = policy.endpoints.map(canonicalEndpoint);
  throwProblems([
    ...policy.allow.flatMap((range, index) =>
      isCidr(range)
        ? []
        : [source.problem(`/allow/${index}`, `must be a range such as 10.0.0.0/8; found ${range}`)],
    ),
    ...policy.endpoints.flatMap((text, index) => {
      const wanted = "must be a host and a port such as hooks.example.com:443 or [2001:db8::1]:443";
      return endpoints[index] === undefined
        ? [source.problem(`/endpoints/${index}`, `${wanted}; found ${text}`)]
        : [];
    }),
  ]);
  return { ...policy, endpoints: endpoints.filter((text) => text !== undefined) };
}

/** The one spelling under which they are compared; undefined where the port is missing, too. */
function canonicalEndpoint(text: string): string | undefined {
  const parsed = parseHost(text);
  return parsed?.port === undefined ? undefined : formatEndpoint(parsed.host, parsed.port);
}

function isCidr(range: string): boolean {
  const [address = "", prefix = "", ...rest] = range.split("/");
  const family = familyOf(address);
  return (
    family !== undefined &&
    rest.length === 0 &&
    /^[0-9]{1,3}$/.test(prefix) &&
    Number(prefix) <= (family === 4 ? 32 : 128)
  );
}
