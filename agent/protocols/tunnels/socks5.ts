/**
 * A tunnel through a SOCKS5 proxy (RFC 1928), with user and password (RFC 1929). Names go to the proxy as they
 * are, so that it resolves them.
 */
import { addressToBytes, familyOf } from "../../../shared/addresses.ts";
import { foreign } from "../services/exchange.ts";
import type { Login, Tunnel, TunnelStep, TunnelTarget } from "./tunnel.ts";

const version = 5;
const methods = { none: 0, password: 2, noneOffered: 0xff };
const connectCommand = 1;
const addressTypes = { ipv4: 1, name: 3, ipv6: 4 };
const loginVersion = 1;

/** RFC 1928 section 6. */
const refusals: readonly [code: string, words: string][] = [
  ["SOCKS_GENERAL_FAILURE", "general failure"],
  ["SOCKS_RULESET", "its rules do not allow the connection"],
  ["SOCKS_NETWORK_UNREACHABLE", "it has no route to the network"],
  ["SOCKS_HOST_UNREACHABLE", "it cannot reach or resolve the host"],
  ["SOCKS_CONNECTION_REFUSED", "the host refused its connection"],
  ["SOCKS_TTL_EXPIRED", "its packets expired on the way, or it waited in vain"],
  ["SOCKS_COMMAND_NOT_SUPPORTED", "it does not know CONNECT"],
  ["SOCKS_ADDRESS_TYPE_NOT_SUPPORTED", "it does not know this type of address"],
];

type Reader = (answer: Buffer) => TunnelStep | undefined;

export function socks5(target: TunnelTarget, login: Login | undefined): Tunnel {
  const offered = login === undefined ? [methods.none] : [methods.none, methods.password];
  let reader: Reader = readMethod;
  /** The proxy's message is understood: what is said next, and who reads the answer to it. */
  const goOn = (taken: number, say: Buffer, next: Reader): TunnelStep => {
    reader = next;
    return { taken, say };
  };

  function readMethod(answer: Buffer): TunnelStep | undefined {
    if (answer[0] !== version) return strange(answer);
    const method = answer[1];
    if (method === undefined) return undefined;
    if (method === methods.none) return goOn(2, request(target), readReply);
    if (method === methods.password && login !== undefined) return goOn(2, loginOf(login), readLogin);
    if (method !== methods.noneOffered) return strange(answer);
    const detail =
      login === undefined ? "it asks for a login, and the cluster file has none" : "it takes no passwords";
    return { kind: "proxy-refused", code: "SOCKS_AUTH", detail };
  }

  function readLogin(answer: Buffer): TunnelStep | undefined {
    if (answer[0] !== loginVersion) return strange(answer);
    if (answer.length < 2) return undefined;
    if (answer[1] === 0) return goOn(2, request(target), readReply);
    return { kind: "proxy-refused", code: "SOCKS_AUTH", detail: "it does not accept this user and password" };
  }

  return { opening: Buffer.from([version, offered.length, ...offered]), read: (answer) => reader(answer) };
}

function readReply(answer: Buffer): TunnelStep | undefined {
  if (answer[0] !== version) return strange(answer);
  const reply = answer[1];
  if (reply === undefined) return undefined;
  if (reply !== 0) {
    const [code, detail] = refusals[reply - 1] ?? [`SOCKS_REPLY_${reply}`, `reply ${reply}`];
    return { kind: "proxy-refused", code, detail };
  }
  // The address that the proxy uses on its far side follows; its length depends on the type.
  const type = answer[3];
  if (type === undefined || answer.length < 5) return undefined;
  const length =
    type === addressTypes.ipv4
      ? 4
      : type === addressTypes.ipv6
        ? 16
        : type === addressTypes.name
          ? 1 + answer[4]!
          : undefined;
  if (length === undefined) return strange(answer);
  const whole = 4 + length + 2;
  return answer.length < whole ? undefined : { taken: whole };
}

function request({ host, port }: TunnelTarget): Buffer {
  const ports = Buffer.alloc(2);
  ports.writeUInt16BE(port);
  return Buffer.concat([Buffer.from([version, connectCommand, 0]), addressOf(host), ports]);
}

function addressOf(host: string): Buffer {
  const family = familyOf(host);
  if (family === 4) return Buffer.from([addressTypes.ipv4, ...addressToBytes(host).subarray(12)]);
  if (family === 6) return Buffer.from([addressTypes.ipv6, ...addressToBytes(host)]);
  return Buffer.concat([Buffer.from([addressTypes.name, Buffer.byteLength(host)]), Buffer.from(host)]);
}

/** Longer than the one byte of length can say is no login that any such proxy knows: it is cut, and refused. */
function loginOf({ user, password }: Login): Buffer {
  const sized = (text: string): Buffer => {
    const bytes = Buffer.from(text).subarray(0, 255);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  };
  return Buffer.concat([Buffer.from([loginVersion]), sized(user), sized(password)]);
}

function strange(answer: Buffer): TunnelStep {
  return { kind: "wrong-answer", detail: foreign(answer).detail };
}
