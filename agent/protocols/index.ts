/** The registry: a new protocol is one file and one line here; the compiler asks for the line. */
import type { ProtocolName } from "../../shared/names.ts";
import { mtls } from "./mtls.ts";
import type { Protocol } from "./protocol.ts";
import { tcp } from "./tcp.ts";
import { tls } from "./tls.ts";
import { udp } from "./udp.ts";
import { ws } from "./ws.ts";
import { wss } from "./wss.ts";

export const protocols: Readonly<Record<ProtocolName, Protocol>> = { tcp, udp, tls, mtls, ws, wss };
