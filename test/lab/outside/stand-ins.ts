/** Servers on one host that stand for all that a plan wants to reach outside, each speaking what its row says. */
import { familyOf } from "../../../shared/addresses.ts";
import type { PlannedEndpoint } from "../../../shared/endpoint-plan.ts";
import { eachPort } from "../../../shared/ports.ts";
import type { LabAuthority } from "../../helpers/lab-authority.ts";
import type { Host, Lab } from "../lab.ts";
import { startChrony } from "./chrony.ts";
import { startNginx, type WebServer } from "./nginx.ts";
import { startAmqpWebsocket, startLumberjack } from "./own-servers.ts";
import { startPostfix } from "./postfix.ts";
import { startSlapd } from "./slapd.ts";

/** Behind nginx, for all that ask for an upgrade. */
const upgradePort = 15_672;

export interface StandIns extends AsyncDisposable {
  /** For `resolve` of the cluster file. */
  resolve: Readonly<Record<string, readonly string[]>>;
}

/** `amazon` stands for the authority that a row expects by that name, `authority` for all others. */
export async function startStandIns(
  lab: Lab,
  name: string,
  endpoints: readonly PlannedEndpoint[],
  { authority, amazon }: { authority: LabAuthority; amazon: LabAuthority },
): Promise<StandIns> {
  const host = lab.host(name);
  const hosts = Map.groupBy(endpoints, (endpoint) => endpoint.host);
  const names = [...hosts.keys()].filter((each) => familyOf(each) === undefined);
  const addresses = [...hosts.keys()].filter((each) => familyOf(each) !== undefined);
  await lab.addAddresses(name, addresses);
  const identity = await authority.issue(["outside.example", ...names]);
  const isWanted = (application: string): boolean =>
    endpoints.some((each) => each.application === application);
  const web = await Promise.all(
    Array.from(hosts, ([each, rows]) =>
      webServers(each, rows, rows.some(({ issuer }) => issuer) ? amazon : authority),
    ),
  );
  await using starting = new AsyncDisposableStack();
  starting.use(await startNginx(host, web.flat()));
  starting.use(await startAmqpWebsocket(host, { port: upgradePort }));
  if (isWanted("lumberjack")) starting.use(await startLumberjack(host, { port: 5044, identity }));
  if (isWanted("smtp"))
    starting.use(await startPostfix(host, { name: "mail.example", identity, ports: [25, 465, 587] }));
  if (isWanted("ldap")) starting.use(await startSlapd(host, identity));
  if (isWanted("ntp")) starting.use(await startChrony(host));
  const started = starting.move();
  return {
    resolve: Object.fromEntries(names.map((each) => [each, addressesOf(host)])),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

function addressesOf({ address, address6 }: Host): string[] {
  return [address, address6];
}

const webApplications = new Set(["https", "wss", "amqp-over-websocket", "tcp"]);

/** Rows of one host may share a port, and then the server. */
async function webServers(
  host: string,
  rows: readonly PlannedEndpoint[],
  authority: LabAuthority,
): Promise<WebServer[]> {
  const own = rows.filter(({ application }) => webApplications.has(application));
  const ports = new Set(own.flatMap((row) => [...eachPort(row.ports)]));
  const isAddress = familyOf(host) !== undefined;
  const identity = await authority.issue([host]);
  return Array.from(ports, (port) => ({
    port,
    names: [host],
    ...(isAddress ? { address: host } : {}),
    // Who asks for a connection and no more does not mind what stands behind it.
    ...(port === 443 || own.some(({ security }) => security !== "none") ? { identity } : {}),
    ...(own.some(({ security }) => security === "mtls") ? { clientCertificates: "on" as const } : {}),
    upstream: upgradePort,
  }));
}
