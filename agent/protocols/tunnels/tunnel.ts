/**
 * What a tunnel is: the talk with a proxy, up to the point from which its bytes are those of the far end. It
 * says what to send and reads what comes; sockets are the runner's business.
 */

/** Where a proxy is to connect to. A name is resolved by the proxy. */
export interface TunnelTarget {
  host: string;
  port: number;
}

export interface Login {
  user: string;
  password: string;
}

/** What a tunnel makes of what the proxy said. Text in it came from the network and is printable. */
export type TunnelStep =
  /** The first `taken` bytes were the proxy's; `say` goes on, without it all that follows is the far end's. */
  | { taken: number; say?: Buffer }
  | {
      kind: "proxy-refused" | "wrong-answer";
      /** The status of an HTTP proxy, or the reply of a SOCKS proxy by name. */
      code?: string;
      status?: number;
      detail: string;
    };

export interface Tunnel {
  opening: Buffer;
  /** Looks at all that has come and was not taken yet; undefined where that is not enough to tell. */
  read: (answer: Buffer) => TunnelStep | undefined;
}
