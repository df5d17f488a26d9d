/** Why an address cannot be listened on, and what to do about it. */
import { formatEndpoint } from "../shared/addresses.ts";
import { PortmeshError } from "../shared/errors.ts";

const elsewhere: Readonly<Record<string, string>> = {
  EADDRINUSE: "Stop what holds it (ss -ltnp tells), or choose",
  EADDRNOTAVAIL: "No interface of this host has that address: choose",
  EACCES: "Ports under 1024 need root or CAP_NET_BIND_SERVICE: give that, or choose",
  ENOTFOUND: "That name has no address here: choose",
  EAI_AGAIN: "That name has no address here: choose",
};

/** `option` is the one that says where to listen. */
export function cannotListen(
  { host, port }: { host: string; port: number },
  option: "--listen" | "--http",
  cause: unknown,
): PortmeshError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new PortmeshError("cannot-run", `cannot listen on ${formatEndpoint(host, port)}: ${code}`, {
    next: `${elsewhere[code] ?? "Choose"} another address with ${option} HOST:PORT.`,
    cause,
  });
}
