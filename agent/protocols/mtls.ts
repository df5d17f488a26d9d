/** Mutual TLS: as TLS, with a client certificate that the far end must confirm to have seen and verified. */
import type { Protocol } from "./protocol.ts";
import { probeTls } from "./tls.ts";

export const mtls: Protocol = {
  name: "mtls",
  transport: "tcp",
  probe: (target, context) => probeTls(target, context, "mtls"),
};
