/** Whether this process may listen on ports that the kernel keeps for privileged ones, found out by trying. */
import { createSocket } from "node:dgram";

/**
 * Undefined where it may bind every port from 1 on; else the errno (EACCES, EPERM). For a moment it has a UDP
 * port of loopback: capabilities alone do not tell, since they may be those of another user namespace.
 */
export async function lowPortFault(): Promise<string | undefined> {
  // Nearly all are free; who has one of these does not have them all.
  for (const port of [1, 2, 3, 4, 5, 6]) {
    const code = await bindFault(port);
    if (code !== "EADDRINUSE") return code;
  }
  return undefined;
}

function bindFault(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const end = (code: string | undefined): void => {
      socket.close();
      resolve(code);
    };
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.bind({ address: "127.0.0.1", port, exclusive: true }, () => end(undefined));
  });
}
