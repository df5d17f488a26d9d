/** The webhooks of a cluster file with the secrets that it names files for. */
import { dirname, resolve } from "node:path";
import type { Hook } from "../coordinator/notify/hook.ts";
import { readKeys } from "../coordinator/notify/signature.ts";
import type { Cluster } from "../shared/cluster-file.ts";
import { PortmeshError } from "../shared/errors.ts";
import { readSecretFile } from "./secret-file.ts";

/** Of these a receiver must be able to trust what they say. */
const ownHeaders = /^(webhook-|content-|transfer-encoding$|host$|connection$)/;

/** @throws PortmeshError where a file of secrets cannot be read, others may read it, or it holds something else. */
export function readHooks({ notify, outside }: Cluster, clusterFile: string): Hook[] {
  return notify.map((settings): Hook => {
    const read = (file: string | undefined, field: string): string | undefined =>
      file === undefined
        ? undefined
        : readSecretFile(resolve(dirname(clusterFile), file), `the ${field} of the webhook ${settings.name}`);
    const secret = read(settings.secretFile, "secretFile");
    const keys = secret === undefined ? [] : readKeys(secret);
    if (keys === undefined)
      throw new PortmeshError(
        "usage",
        `the secretFile of the webhook ${settings.name} must hold 24 to 64 bytes in base64, maybe behind whsec_`,
        { next: `openssl rand -base64 32 > ${settings.secretFile}` },
      );
    const token = read(settings.tokenFile, "tokenFile");
    const headers = headersIn(read(settings.headersFile, "headersFile") ?? "", settings.name);
    return {
      ...settings,
      keys,
      headers: {
        ...headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${oneLine(token, settings.name)}` }),
      },
      way: settings.proxied ? outside.proxies.http : undefined,
      authorities: outside.authorities,
    };
  });
}

function headersIn(text: string, hook: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line, index) => {
      const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(line.trim());
      const name = match?.[1]?.toLowerCase();
      if (match === null || name === undefined || ownHeaders.test(name))
        throw new PortmeshError(
          "usage",
          `line ${index + 1} of the headersFile of the webhook ${hook} must be NAME: VALUE, and none of the headers that Portmesh sends itself`,
        );
      return [name, match[2]!];
    }),
  );
}

function oneLine(token: string, hook: string): string {
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new PortmeshError("usage", `the tokenFile of the webhook ${hook} must hold one token`);
  return token;
}
