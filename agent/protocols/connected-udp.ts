/** A connected UDP socket: the kernel reports ICMP errors on it and passes nobody else's datagrams on. */
import { createSocket, type Socket } from "node:dgram";
import { familyOf } from "../../shared/addresses.ts";

/** Emits `connect` when it may send. Whoever gets it listens for `error` and closes it. */
export function connectedUdp(
  { address, port }: { address: string; port: number },
  { localAddress }: { localAddress?: string } = {},
): Socket {
  const socket = createSocket(familyOf(address) === 6 ? "udp6" : "udp4");
  // With a callback, connect() would hand its error to that instead of emitting it.
  const dial = (): void => socket.connect(port, address);
  if (localAddress === undefined) dial();
  else socket.bind({ address: localAddress, port: 0 }, dial);
  return socket;
}
