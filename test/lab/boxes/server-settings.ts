/** What the servers of the tests' own are told on their command line. */
import type { Identity } from "../../helpers/lab-authority.ts";

export interface ServerSettings {
  port: number;
  /** TLS from the first byte on. */
  identity?: Identity;
  /** Clients must show a certificate of this authority (PEM); the handshake ends with an alert where they do not. */
  clientAuthority?: string;
  /** HTTP status with which upgrades are refused. */
  refuseUpgrades?: number;
}

export const settings = JSON.parse(process.argv[2]!) as ServerSettings;
