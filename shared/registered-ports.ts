/** Where a service is looked for whose host came without a port: the ports that IANA registers for it. */
import type { Transport } from "./names.ts";

interface Registered {
  transport: Transport;
  ports: readonly number[];
}

export const registeredPorts = {
  // RFC 5321 (relay), RFC 8314 (submission within TLS), RFC 6409 (submission).
  smtp: { transport: "tcp", ports: [25, 465, 587] },
  ldap: { transport: "tcp", ports: [389, 636] },
  http: { transport: "tcp", ports: [80] },
  https: { transport: "tcp", ports: [443] },
  ssh: { transport: "tcp", ports: [22] },
  dns: { transport: "udp", ports: [53] },
  ntp: { transport: "udp", ports: [123] },
} as const satisfies Record<string, Registered>;

export function isRegistered(application: string | undefined): application is keyof typeof registeredPorts {
  return application !== undefined && Object.hasOwn(registeredPorts, application);
}
