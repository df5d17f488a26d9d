/**
 * Which folder may import which, and where the modules with consequences may be used. A linter's list of
 * restricted imports is replaced, not extended, where two overrides meet; as a table each rule stands once.
 */

/** From each folder to the folders of this project that its files may import. */
export const folders: Readonly<Record<string, readonly string[]>> = {
  shared: ["shared"],
  agent: ["agent", "shared"],
  coordinator: ["coordinator", "shared"],
  web: ["web", "shared"],
  cli: ["cli", "agent", "coordinator", "shared"],
};

export interface ModuleRule {
  /** Names of modules; their subpaths (`node:fs/promises`) count as well. */
  modules: readonly string[];
  /** Globs of the files the rule is for; all folders above where it is absent. */
  within?: readonly string[];
  /** Globs of the only files that may import them. */
  only: readonly string[];
  /** Exports without any effect on the world, which every file may use. */
  harmless?: readonly string[];
  why: string;
}

export const moduleRules: readonly ModuleRule[] = [
  {
    modules: ["node:net", "node:tls", "node:dgram", "ws"],
    within: ["agent/**", "shared/**", "cli/**"],
    only: ["agent/protocols/**", "agent/link.ts", "agent/control-socket.ts"],
    harmless: [
      "isIP",
      "isIPv4",
      "isIPv6",
      "BlockList",
      "SocketAddress",
      "createSecureContext",
      "rootCertificates",
    ],
    why: "sockets for probing live in agent/protocols, the agent's one other connection in agent/link.ts, its Unix socket in agent/control-socket.ts",
  },
  {
    modules: ["node:net", "node:dgram"],
    within: ["agent/link.ts", "coordinator/**"],
    only: [],
    harmless: ["isIP", "isIPv4", "isIPv6", "BlockList", "SocketAddress"],
    why: "the link is a WebSocket over TLS; the coordinator opens no sockets of its own: it has its server, and calls webhooks over HTTP",
  },
  {
    modules: ["node:tls", "ws"],
    within: ["coordinator/**"],
    only: ["coordinator/server.ts"],
    harmless: ["getCACertificates"],
    why: "the coordinator's only way in is its server",
  },
  {
    modules: ["node:http", "node:https"],
    within: ["coordinator/**"],
    only: ["coordinator/notify/post.ts"],
    harmless: ["ServerResponse"],
    why: "the coordinator calls nobody but the webhooks of its cluster file",
  },
  {
    modules: ["fastify", "@fastify"],
    only: ["coordinator/server.ts", "coordinator/http/**"],
    why: "the HTTP framework ends at the agents' port and at the API",
  },
  {
    modules: ["prom-client"],
    only: ["**/metrics.ts"],
    why: "every metric of a process is declared in its metrics.ts",
  },
  {
    modules: ["node:fs"],
    within: ["shared/**"],
    only: ["shared/spec-folder.ts"],
    why: "shared is pure; one file of it touches the disk",
  },
  {
    modules: ["node:child_process", "node:timers", "node:http", "node:https", "node:dns", "pino"],
    within: ["shared/**"],
    only: [],
    why: "shared has no processes, no timers, no network and no logger",
  },
  {
    modules: ["node:sqlite"],
    only: ["coordinator/journal/**"],
    why: "what stands in the journal's file is known in one folder",
  },
  {
    modules: ["reflect-metadata", "@peculiar/x509"],
    only: ["coordinator/authority.ts"],
    why: "certificates are made in one place, and the polyfill it needs is global",
  },
];
