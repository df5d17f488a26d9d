/** Reads one bundle: every byte of it is somebody's claim until signature, chain and form have been checked. */
import { verify, X509Certificate } from "node:crypto";
import { Compile, type Validator } from "typebox/compile";
import { PortmeshError } from "../shared/errors.ts";
import { certificateName } from "../shared/link.ts";
import {
  BundleContentSchema,
  BundleSchema,
  maxOfflineFileBytes,
  type Bundle,
  type BundleContent,
} from "../shared/offline.ts";

export interface CheckedBundle {
  /** As the user named it. */
  file: string;
  content: BundleContent;
  /** The name of its node. */
  node: string;
  authority: X509Certificate;
}

const bundleCheck = Compile(BundleSchema);
const contentCheck = Compile(BundleContentSchema);

/**
 * `insistOn`, where it is given, is the only one whose nodes are believed.
 * @throws PortmeshError that names the file and says what is wrong with it.
 */
export function readBundle(text: string, file: string, insistOn?: X509Certificate): CheckedBundle {
  const fail = (why: string, next?: string): never => {
    throw new PortmeshError("invalid-input", `${file}: ${why}`, next === undefined ? {} : { next });
  };
  if (text.length > maxOfflineFileBytes) fail("is larger than 64 MB, so it is no bundle");
  const bundle = parsed(text, bundleCheck, "Bundle", fail) as Bundle;
  const authority = certificateIn(bundle.authority, "authority", fail);
  const certificate = certificateIn(bundle.certificate, "node", fail);
  if (insistOn !== undefined && !authority.raw.equals(insistOn.raw))
    fail("is of another authority than the one of --authority");
  if (!authority.ca || !authority.verify(authority.publicKey)) fail("its authority is none");
  if (!certificate.verify(authority.publicKey)) fail("its certificate is not of its authority");
  const bytes = Buffer.from(bundle.content);
  if (!isSigned(bytes, certificate, bundle.signature))
    fail("its signature does not match: it was altered", "Copy the bundle from its node again.");
  const content = parsed(bundle.content, contentCheck, "BundleContent", fail) as BundleContent;
  const node = content.plan.cluster.nodes[content.node]?.name;
  if (node === undefined || certificate.checkHost(certificateName(node)) === undefined)
    return fail("it speaks for another node than its certificate");
  return { file, content, node, authority };
}

function parsed(
  text: string,
  check: Validator,
  kind: string,
  fail: (why: string, next?: string) => never,
): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("is not a bundle, or only a part of one: no JSON");
  }
  const { kind: found, version } = (value ?? {}) as Record<string, unknown>;
  if (found !== kind) return fail(`is not a bundle: its kind is ${JSON.stringify(found)?.slice(0, 40)}`);
  if (version !== 1)
    return fail(
      `is of version ${JSON.stringify(version)?.slice(0, 20)}; this program reads 1`,
      "Merge with the version of Portmesh that made the bundles.",
    );
  if (check.Check(value)) return value;
  const [first] = check.Errors(value);
  return fail(`is not a whole bundle: ${first?.instancePath || "/"} ${first?.message ?? "is wrong"}`);
}

function certificateIn(pem: string, whose: string, fail: (why: string) => never): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    return fail(`its ${whose} certificate cannot be read`);
  }
}

function isSigned(bytes: Buffer, certificate: X509Certificate, signature: string): boolean {
  try {
    return verify("sha256", bytes, certificate.publicKey, Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}
