/**
 * Renders a kustomization as far as those of this repository go: kubectl is in no package of Debian that knows
 * components. What it does not know is an error, so that nothing stays unrendered in silence. Where kubectl is there,
 * a test compares.
 */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parse, parseAllDocuments } from "yaml";

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [more: string]: unknown;
}

interface Kustomization {
  namespace?: string;
  labels?: { pairs: Record<string, string> }[];
  resources?: string[];
  components?: string[];
  configMapGenerator?: {
    name: string;
    files: string[];
    options: { disableNameSuffixHash: true; labels?: Record<string, string> };
  }[];
  images?: { name: string; newName: string; newTag: string }[];
  patches?: { path: string; target: { kind: string; name: string } }[];
}

interface Operation {
  op: "add" | "replace";
  path: string;
  value: unknown;
}

const known = new Set([
  "apiVersion",
  "kind",
  "namespace",
  "labels",
  "resources",
  "components",
  "configMapGenerator",
  "images",
  "patches",
]);
/** Of these there is one for all namespaces. */
const clusterWide = new Set(["Namespace"]);

export function documentsOf(text: string): Manifest[] {
  return parseAllDocuments(text, { version: "1.1" }).map((document) => document.toJS() as Manifest);
}

/** The manifests of a folder with a kustomization.yaml, over those that a component adds to. */
export function render(folder: string, below: readonly Manifest[] = []): Manifest[] {
  const file = join(folder, "kustomization.yaml");
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const all = parse(readFileSync(file, "utf8")) as Kustomization;
  for (const key of Object.keys(all))
    if (!known.has(key)) throw new Error(`${file}: ${key} is not rendered here`);
  let manifests = [
    ...below,
    ...(all.resources ?? []).flatMap((name) =>
      statSync(join(folder, name)).isDirectory() ? render(join(folder, name)) : documentsOf(read(name)),
    ),
    ...(all.configMapGenerator ?? []).map(({ name, files, options }): Manifest => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, ...(options.labels === undefined ? {} : { labels: options.labels }) },
      data: Object.fromEntries(files.map((each) => [basename(each), read(each)])),
    })),
  ];
  for (const component of all.components ?? []) manifests = render(join(folder, component), manifests);
  for (const { path, target } of all.patches ?? []) {
    const patched = manifests.filter(
      ({ kind, metadata }) => kind === target.kind && metadata.name === target.name,
    );
    if (patched.length === 0) throw new Error(`${file}: nobody is ${target.kind} ${target.name}`);
    for (const manifest of patched)
      for (const operation of parse(read(path)) as Operation[])
        apply(manifest, operation, join(dirname(file), path));
  }
  for (const manifest of manifests) {
    if (all.namespace !== undefined && !clusterWide.has(manifest.kind))
      manifest.metadata.namespace = all.namespace;
    for (const { pairs } of all.labels ?? [])
      manifest.metadata.labels = { ...manifest.metadata.labels, ...pairs };
    for (const image of all.images ?? []) setImage(manifest, image);
  }
  return manifests;
}

/** RFC 6902, the two operations that patches have here. */
function apply(manifest: Manifest, { op, path, value }: Operation, file: string): void {
  const steps = path.split("/").slice(1);
  const last = steps.pop()!;
  const parent = steps.reduce<unknown>(
    (at, step) => (at as Record<string, unknown> | undefined)?.[step],
    manifest,
  );
  if (typeof parent !== "object" || parent === null) throw new Error(`${file}: there is no ${path}`);
  if (Array.isArray(parent)) {
    if (op !== "add" || last !== "-") throw new Error(`${file}: ${op} ${path} is not rendered here`);
    parent.push(value);
  } else {
    const isThere = Object.hasOwn(parent, last);
    if (isThere !== (op === "replace"))
      throw new Error(`${file}: ${op} ${path}, which is ${isThere ? "" : "not "}there`);
    (parent as Record<string, unknown>)[last] = value;
  }
}

function setImage(
  value: unknown,
  { name, newName, newTag }: { name: string; newName: string; newTag: string },
): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === "image" && each === name) (value as { image: string }).image = `${newName}:${newTag}`;
    else setImage(each, { name, newName, newTag });
  }
}
