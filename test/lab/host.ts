/** A host of a lab: a namespace with one interface, eth0, and the router behind it. */
import type { LinkAddresses } from "./addresses.ts";
import { Namespace } from "./namespace.ts";

export interface HostOptions {
  name: string;
  zone: string;
}

export class Host extends Namespace {
  readonly zone: string;
  readonly address: string;
  readonly address6: string;
  /** The router's end of the link. */
  readonly link: string;
  readonly #addresses: LinkAddresses;

  constructor(options: HostOptions, namespace: string, link: string, addresses: LinkAddresses) {
    super(options.name, namespace);
    this.zone = options.zone;
    this.address = addresses.host;
    this.address6 = addresses.host6;
    this.link = link;
    this.#addresses = addresses;
  }

  /** Run inside the host. `replace`: also mends what the kernel forgets while the link is down. */
  linkCommands(): string[] {
    const { host, host6, router, router6 } = this.#addresses;
    return [
      "link set lo up",
      ...interfaceCommands("eth0", `${host}/30`, `${host6}/64`, "fe80::2/64"),
      `route replace default via ${router}`,
      `route replace default via ${router6} dev eth0`,
    ];
  }

  /** Run inside the router. */
  routerCommands(): string[] {
    return interfaceCommands(
      this.link,
      `${this.#addresses.router}/30`,
      `${this.#addresses.router6}/64`,
      "fe80::1/64",
    );
  }
}

/** nodad: without it an IPv6 address is unusable for the first second or two. */
function interfaceCommands(name: string, address: string, address6: string, linkLocal: string): string[] {
  return [
    `link set ${name} addrgenmode none`,
    `link set ${name} up`,
    `addr replace ${address} dev ${name}`,
    `addr replace ${address6} dev ${name} nodad`,
    `addr replace ${linkLocal} dev ${name} nodad`,
  ];
}
