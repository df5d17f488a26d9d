/**
 * One unconnected UDP socket a family through which all first attempts go: ten times as fast as a socket
 * a probe. Answers find their probe by nonce. What it cannot see are ICMP errors, for those the probe's
 * later attempts use a connected socket.
 */
import { createSocket, type Socket } from "node:dgram";
import { familyOf } from "../../shared/addresses.ts";
import { messageBytes, nonceKey } from "../../shared/proof.ts";

/** A burst of answers must fit: the default of about 200 kB holds 256 of them, then the kernel drops. */
const receiveBufferBytes = 4 * 1024 * 1024;

export class UdpSweep {
  readonly #waiting = new Map<number, (answer: Buffer) => void>();
  readonly #sockets = new Map<4 | 6, Promise<Socket>>();
  readonly #ready = new Map<4 | 6, Socket>();
  readonly #localAddress: string | undefined;

  constructor(localAddress?: string) {
    this.#localAddress = localAddress;
  }

  /** Sends a request; `onAnswer` gets every answer with its nonce until `forget`. */
  send(
    request: Buffer,
    address: string,
    port: number,
    onAnswer: (answer: Buffer) => void,
    onError: (error: Error) => void,
  ): void {
    this.#waiting.set(nonceKey(request), onAnswer);
    const family = familyOf(address)!;
    const ready = this.#ready.get(family);
    const sent = (error: Error | null): void => {
      if (error !== null) onError(error);
    };
    if (ready !== undefined) ready.send(request, port, address, sent);
    else
      this.#open(family)
        .then((socket) => socket.send(request, port, address, sent))
        .catch(onError);
  }

  forget(request: Buffer): void {
    this.#waiting.delete(nonceKey(request));
  }

  close(): void {
    for (const socket of this.#ready.values()) socket.close();
    this.#ready.clear();
    this.#sockets.clear();
    this.#waiting.clear();
  }

  #open(family: 4 | 6): Promise<Socket> {
    let opening = this.#sockets.get(family);
    if (opening === undefined) {
      opening = new Promise<Socket>((resolve, reject) => {
        const socket = createSocket({
          type: family === 4 ? "udp4" : "udp6",
          recvBufferSize: receiveBufferBytes,
          lookup,
        });
        socket.once("error", reject);
        socket.on("message", (answer: Buffer) => {
          if (answer.length === messageBytes) this.#waiting.get(nonceKey(answer))?.(answer);
        });
        socket.bind({ address: this.#localAddress ?? (family === 4 ? "0.0.0.0" : "::"), port: 0 }, () => {
          socket.removeListener("error", reject);
          socket.on("error", () => {}); // errors of a send go to its callback
          this.#ready.set(family, socket);
          resolve(socket);
        });
      });
      this.#sockets.set(family, opening);
    }
    return opening;
  }
}

/** Only numeric addresses are probed. Node's own look-up would defer each of them to the next tick. */
function lookup(
  address: string,
  _options: unknown,
  callback: (error: null, address: string, family: number) => void,
): void {
  callback(null, address, familyOf(address)!);
}
