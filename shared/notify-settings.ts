/**
 * What the cluster file says of webhooks: who is told of which changes, and how often. Secrets come by file, and are
 * read by whoever sends; here they are paths.
 */
import Type, { type Static } from "typebox";
import type { SourceDocument } from "./document.ts";
import { parseDuration } from "./duration.ts";
import type { Problem } from "./errors.ts";
import { defaultNews, newsKinds, type NewsKind } from "./notification.ts";
import { expects } from "./schema-errors.ts";
import { DurationSchema } from "./schemas.ts";

const exact = { additionalProperties: false };
const File = Type.String({ minLength: 1, description: "Relative to the cluster file." });
const Names = Type.Array(Type.String({ minLength: 1 }), { minItems: 1 });

/** Fields of the cluster file. */
export const notifyFields = {
  notify: Type.Optional(
    Type.Array(
      Type.Object(
        {
          name: Type.String({
            pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            description: "By which logs, metrics and receivers know it: URLs are secrets at times.",
            ...expects("lower-case letters, digits and dashes, at most 63"),
          }),
          url: Type.String({ description: "https://… or http://…; redirects are not followed." }),
          secretFile: Type.Optional({
            ...File,
            description:
              "Signs each message by Standard Webhooks: 24 to 64 bytes in base64, with or without whsec_. A second line is a second secret, for the time of a change.",
          }),
          tokenFile: Type.Optional({ ...File, description: "A bearer token." }),
          headersFile: Type.Optional({ ...File, description: "More headers, one `Name: value` a line." }),
          on: Type.Optional(Type.Array(Type.Enum([...newsKinds]), { minItems: 1 })),
          specs: Type.Optional(Names),
          flows: Type.Optional(Names),
          nodes: Type.Optional(Names),
          groupFor: Type.Optional(DurationSchema),
          groupInterval: Type.Optional(DurationSchema),
          repeatEvery: Type.Optional(DurationSchema),
          proxy: Type.Optional(Type.Literal("http", { description: "Through proxies.http." })),
        },
        exact,
      ),
      { maxItems: 20, description: "Webhooks that are told what changes in a watched cluster." },
    ),
  ),
};
const NotifySchema = Type.Object(notifyFields);

export interface HookSettings {
  name: string;
  url: string;
  secretFile: string | undefined;
  tokenFile: string | undefined;
  headersFile: string | undefined;
  on: readonly NewsKind[];
  /** Where there are any, only changes of these are told. */
  specs: readonly string[] | undefined;
  flows: readonly string[] | undefined;
  nodes: readonly string[] | undefined;
  /** How long the first change waits for others. */
  groupForMs: number;
  /** From one message to the next, at least. */
  groupIntervalMs: number;
  /** While anything fails and nothing changes. */
  repeatEveryMs: number | undefined;
  proxied: boolean;
}

const defaults = { groupForMs: 10_000, groupIntervalMs: 60_000 };
const dayMs = 86_400_000;
const limits = {
  groupFor: [0, 3_600_000],
  groupInterval: [0, dayMs],
  repeatEvery: [60_000, 7 * dayMs],
} as const;

export function readNotify(
  source: SourceDocument<Static<typeof NotifySchema>>,
  known: {
    specs: readonly string[] | undefined;
    flows: readonly string[] | undefined;
    nodes: readonly string[];
  },
  hasProxy: boolean,
  problems: Problem[],
): HookSettings[] {
  const names = new Set<string>();
  return (source.value.notify ?? []).map((hook, index) => {
    const at = `/notify/${index}`;
    if (names.has(hook.name))
      problems.push(source.problem(`${at}/name`, `another webhook is called ${hook.name} too`));
    names.add(hook.name);
    const problem = urlProblem(hook.url);
    if (problem !== undefined) problems.push(source.problem(`${at}/url`, problem));
    if (hook.proxy !== undefined && !hasProxy)
      problems.push(source.problem(`${at}/proxy`, "there is no proxies.http"));
    for (const part of ["specs", "flows", "nodes"] as const)
      for (const [position, name] of (hook[part] ?? []).entries())
        if (known[part]?.includes(name) === false)
          problems.push(
            source.problem(`${at}/${part}/${position}`, `there is no ${part.slice(0, -1)} ${name}`),
          );
    const ms = (field: keyof typeof limits): number | undefined => {
      const text = hook[field];
      if (text === undefined) return undefined;
      const value = parseDuration(text)!;
      const [least, most] = limits[field];
      if (value < least || value > most)
        problems.push(
          source.problem(`${at}/${field}`, `must be from ${least / 60_000}m to ${most / 60_000}m`),
        );
      return value;
    };
    return {
      name: hook.name,
      url: hook.url,
      secretFile: hook.secretFile,
      tokenFile: hook.tokenFile,
      headersFile: hook.headersFile,
      on: hook.on ?? defaultNews,
      specs: hook.specs,
      flows: hook.flows,
      nodes: hook.nodes,
      groupForMs: ms("groupFor") ?? defaults.groupForMs,
      groupIntervalMs: ms("groupInterval") ?? defaults.groupIntervalMs,
      repeatEveryMs: ms("repeatEvery"),
      proxied: hook.proxy !== undefined,
    };
  });
}

/** The URL itself is not said again: its path is a secret at times. */
function urlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol))
    return "must be a URL such as https://hooks.example.com/portmesh";
  if (url.username !== "" || url.password !== "")
    return "put the token into a file and name it with tokenFile; a cluster file is no place for secrets";
  return undefined;
}
