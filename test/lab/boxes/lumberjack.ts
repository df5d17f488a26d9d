/**
 * A receiver of Beats: Lumberjack version 2, as the specification of go-lumber and of Logstash's beats input have
 * it. Windows are acknowledged once all their events are there; who speaks anything else is hung up on.
 */
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { inflateSync } from "node:zlib";
import { settings } from "./server-settings.ts";

const maxFrameBytes = 1024 * 1024;
const version = 0x32;

class Connection {
  readonly #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #window = 0;
  #events = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#unread = Buffer.concat([this.#unread, chunk]);
      if (!this.#read()) socket.destroy();
    });
  }

  /** Every whole frame that is there. False for what is none. */
  #read(): boolean {
    for (;;) {
      if (this.#unread.length < 2) return this.#unread.length === 0 || this.#unread[0] === version;
      if (this.#unread[0] !== version) return false;
      const kind = String.fromCharCode(this.#unread[1]!);
      if (kind !== "W" && kind !== "J" && kind !== "C") return false;
      const head = kind === "J" ? 10 : 6;
      if (this.#unread.length < head) return true;
      const number = this.#unread.readUInt32BE(2);
      const length = kind === "W" ? 0 : kind === "C" ? number : this.#unread.readUInt32BE(6);
      if (length > maxFrameBytes) return false;
      if (this.#unread.length < head + length) return true;
      const payload = this.#unread.subarray(head, head + length);
      this.#unread = this.#unread.subarray(head + length);
      if (kind === "W") this.#open(number);
      else if (kind === "J") this.#take(number);
      else this.#unread = Buffer.concat([inflateSync(payload), this.#unread]);
    }
  }

  #open(window: number): void {
    this.#window = window;
    this.#events = 0;
  }

  #take(sequence: number): void {
    this.#events++;
    if (this.#events < this.#window) return;
    const acknowledgement = Buffer.from([version, 0x41, 0, 0, 0, 0]);
    acknowledgement.writeUInt32BE(sequence, 2);
    this.#socket.write(acknowledgement);
  }
}

const take = (socket: Socket): void => void new Connection(socket);
const { port, identity } = settings;
const server = identity === undefined ? createServer(take) : createTlsServer(identity, take);
server.on("tlsClientError", () => {});
server.listen(port, "::");
