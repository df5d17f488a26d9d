/**
 * Reads what a server says in the clear at the beginning of TLS 1.2 (RFC 5246 section 7.4): its certificates, and
 * whether it asks for one. Node has no API for the latter, and TLS 1.3 encrypts it.
 */

const contentTypes = { changeCipherSpec: 20, alert: 21, handshake: 22 };
const messageTypes = { serverHello: 2, certificate: 11, certificateRequest: 13, serverHelloDone: 14 };
const recordHeaderBytes = 5;
const messageHeaderBytes = 4;
/** RFC 5246 section 6.2.1; what is longer is no record in the clear. */
const maxRecordBytes = 2 ** 14;
/** OpenSSL allows for chains of 100 KB. */
const maxFlightBytes = 256 * 1024;
const maxCertificates = 10;

export class ServerFlight {
  /** Not yet a whole record, and not yet a whole message. */
  #records: Buffer = Buffer.alloc(0);
  #messages: Buffer = Buffer.alloc(0);
  #seenBytes = 0;
  #isOver = false;
  #hasHello = false;
  /** The chain as it was sent, in DER. */
  certificates: readonly Buffer[] = [];
  #asked = false;
  #isComplete = false;

  /** True where it asked, false where it came to the end without asking, undefined where nobody could see. */
  get requestsCertificate(): boolean | undefined {
    if (this.#asked) return true;
    return this.#isComplete ? false : undefined;
  }

  push(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#seenBytes += chunk.length;
    if (this.#seenBytes > maxFlightBytes) return this.#end();
    this.#records = Buffer.concat([this.#records, chunk]);
    while (!this.#isOver && this.#records.length >= recordHeaderBytes) {
      const type = this.#records[0];
      const length = this.#records.readUInt16BE(3);
      const isClear = type === contentTypes.handshake && length <= maxRecordBytes && this.#records[1] === 3;
      // An alert, encryption, or something that is no TLS at all.
      if (!isClear) return this.#end();
      const end = recordHeaderBytes + length;
      if (this.#records.length < end) return;
      this.#messages = Buffer.concat([this.#messages, this.#records.subarray(recordHeaderBytes, end)]);
      this.#records = this.#records.subarray(end);
      this.#readMessages();
    }
  }

  #readMessages(): void {
    while (!this.#isOver && this.#messages.length >= messageHeaderBytes) {
      const end = messageHeaderBytes + this.#messages.readUIntBE(1, 3);
      if (end > maxFlightBytes) return this.#end();
      if (this.#messages.length < end) return;
      this.#readMessage(this.#messages[0]!, this.#messages.subarray(messageHeaderBytes, end));
      this.#messages = this.#messages.subarray(end);
    }
  }

  #readMessage(type: number, body: Buffer): void {
    if (type === messageTypes.serverHello) this.#hasHello = true;
    else if (!this.#hasHello) this.#end();
    else if (type === messageTypes.certificate) this.certificates = readCertificates(body);
    else if (type === messageTypes.certificateRequest) this.#asked = true;
    else if (type === messageTypes.serverHelloDone) {
      this.#isComplete = true;
      this.#end();
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#records = this.#messages = Buffer.alloc(0);
  }
}

/** Section 7.4.2: a length of three bytes before the list and before each certificate. */
function readCertificates(body: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 3; at + 3 <= body.length && found.length < maxCertificates;) {
    const end = at + 3 + body.readUIntBE(at, 3);
    if (end > body.length) break;
    found.push(Buffer.from(body.subarray(at + 3, end)));
    at = end;
  }
  return found;
}
