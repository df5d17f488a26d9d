/**
 * The systemd unit of an agent. Measured with `systemd-analyze security`, verified with `systemd-analyze verify`.
 * deploy/systemd/portmesh-agent.service is this unit for an installation in /usr; a test compares.
 */
import { PortmeshError } from "../shared/errors.ts";

export interface AgentUnit {
  /** All paths are absolute. */
  launcher: string;
  /** A name of the cluster file, or a specifier of systemd.unit(5). */
  node: string;
  joinFile: string;
  policyFile?: string;
}

export const agentUnitName = "portmesh-agent.service";

/** @throws PortmeshError where a path has characters that mean something to systemd. */
export function agentUnit({ launcher, node, joinFile, policyFile }: AgentUnit): string {
  for (const path of [launcher, joinFile, policyFile ?? "/"]) {
    if (!/^\/[\w./@+-]*$/.test(path))
      throw new PortmeshError("usage", `the path ${JSON.stringify(path)} cannot stand in a unit`, {
        next: "Use absolute paths of letters, digits and . _ - @ + alone.",
      });
  }
  const credential = (name: string): string => `\${CREDENTIALS_DIRECTORY}/${name}`;
  const command = [
    `${launcher} agent run --name ${node}`,
    `--join-file ${credential("join")}`,
    // Not by its link in /var/lib: an agent refuses a folder that could be turned to another one.
    "--state-dir /var/lib/private/portmesh-agent",
    ...(policyFile === undefined ? [] : [`--policy ${credential("policy")}`]),
    "$PORTMESH_AGENT_OPTIONS",
  ];
  const credentials = [
    `LoadCredential=join:${joinFile}`,
    ...(policyFile === undefined ? [] : [`LoadCredential=policy:${policyFile}`]),
  ];
  return `# The agent of one node. Needs systemd 247 or newer (credentials).
[Unit]
Description=Portmesh agent
Documentation=https://www.npmjs.com/package/portmesh
Wants=network-online.target
After=network-online.target
# However often it cannot join: it is to be there when it can.
StartLimitIntervalSec=0

[Service]
Type=exec
# More options of "portmesh agent run", in a drop-in (systemctl edit portmesh-agent): for metrics
#   Environment="PORTMESH_AGENT_OPTIONS=--metrics 127.0.0.1:7719"
Environment=PORTMESH_AGENT_OPTIONS=
ExecStart=${command.join(" \\\n  ")}
${credentials.join("\n")}
StateDirectory=portmesh-agent
StateDirectoryMode=0700
Restart=always
RestartSec=10s
# 128 and the number of the signal.
SuccessExitStatus=130 143
DynamicUser=yes
UMask=0077

# It binds the ports of the product, also those below 1024, and may do nothing else that others may not.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# No MemoryDenyWriteExecute: the compiler of V8 writes code. No ProcSubset=pid: the agent reads counters of the
# network and settings of the kernel in /proc.
LockPersonality=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes

# The product on this host comes first.
LimitNOFILE=65536
TasksMax=128
MemoryMax=384M
OOMScoreAdjust=500

[Install]
WantedBy=multi-user.target
`;
}
