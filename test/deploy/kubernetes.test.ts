/** Manifests: valid by the schemas of Kubernetes and of the Prometheus operator, consistent, and rendered. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as prometheusOperator from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import * as apps from "kubernetes-models/apps/v1";
import * as networking from "kubernetes-models/networking.k8s.io/v1";
import * as policy from "kubernetes-models/policy/v1";
import * as core from "kubernetes-models/v1";
import t from "tap";
import { parse } from "yaml";
import { shippedSpecIds, readShippedSpec } from "../../shared/spec-folder.ts";
import { parseCluster } from "../../shared/cluster-file.ts";
import { runTool } from "../helpers/system-tool.ts";
import { documentsOf, render, type Manifest } from "./kustomize.ts";
import { readRules } from "./rules.ts";

const folder = join(import.meta.dirname, "../../deploy/kubernetes");

type Model = new (data: never) => { validate(): void };

const models: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  v1: { ...core },
  "apps/v1": { ...apps },
  "policy/v1": { ...policy },
  "networking.k8s.io/v1": { ...networking },
  "monitoring.coreos.com/v1": { ...prometheusOperator },
};

function validate(manifest: Manifest): void {
  const model = models[manifest.apiVersion]?.[manifest.kind] as Model | undefined;
  if (model === undefined) throw new Error(`no schema for ${manifest.apiVersion} ${manifest.kind}`);
  new model(manifest as never).validate();
}

const sources = globSync("{base,components}/**/*.yaml", { cwd: folder })
  .toSorted()
  .filter((file) => !/(kustomization|cluster|agent-metrics)\.yaml$/.test(file));
const all = sources.flatMap((file) => documentsOf(readFileSync(join(folder, file), "utf8")));

t.test("every manifest is valid, and a broken one is not", async (t) => {
  t.ok(all.length >= 10);
  for (const manifest of all)
    t.doesNotThrow(() => validate(manifest), `${manifest.kind} ${manifest.metadata.name}`);
  t.throws(() => validate({ apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "x" }, spec: {} }));
});

t.test(
  "every file is part of a kustomization, and no kustomization names one that is not there",
  async (t) => {
    const named = globSync("{base,components}/**/kustomization.yaml", { cwd: folder }).flatMap((file) => {
      const { resources = [] } = parse(readFileSync(join(folder, file), "utf8")) as { resources?: string[] };
      return resources.map((resource) => join(dirname(file), resource));
    });
    t.strictSame(named.toSorted(), sources);
  },
);

t.test("the sample cluster file is one, and the rules are the shipped ones", async (t) => {
  const text = readFileSync(join(folder, "base/cluster.yaml"), "utf8");
  t.doesNotThrow(() =>
    parseCluster(text, "cluster.yaml", {
      shippedIds: shippedSpecIds,
      shipped: (id) => readShippedSpec(id)!,
      text: () => undefined,
      file: () => {
        throw new Error("no files");
      },
    }),
  );
  const rule = all.find(({ kind }) => kind === "PrometheusRule")!;
  t.strictSame(rule["spec"], readRules());
});

t.test("selectors and ports fit, and containers may do no more than they have to", async (t) => {
  interface Workload {
    selector: { matchLabels: Record<string, string> };
    template: {
      metadata: { labels: Record<string, string> };
      spec: {
        hostNetwork?: boolean;
        automountServiceAccountToken: boolean;
        securityContext: { runAsNonRoot?: boolean };
        containers: {
          resources: { limits: object; requests: object };
          securityContext: Record<string, unknown>;
        }[];
      };
    };
  }
  const workloads = all.filter(({ kind }) => kind === "DaemonSet" || kind === "StatefulSet");
  t.equal(workloads.length, 2);
  for (const { kind, spec } of workloads) {
    const { selector, template } = spec as Workload;
    t.match(template.metadata.labels, selector.matchLabels);
    t.equal(template.spec.automountServiceAccountToken, false);
    for (const { resources, securityContext } of template.spec.containers) {
      t.match(resources, { limits: { memory: /Mi|Gi/ }, requests: { memory: /Mi/ } });
      t.match(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
    if (kind === "StatefulSet") t.equal(template.spec.securityContext.runAsNonRoot, true);
    else t.equal(template.spec.hostNetwork, true);
  }
});

const kustomizations = ["base", "overlays/monitored"];

t.test("base and overlay are rendered, and what comes of it is valid", async (t) => {
  for (const kustomization of kustomizations) {
    const rendered = render(join(folder, kustomization));
    for (const manifest of rendered) {
      t.doesNotThrow(() => validate(manifest), `${manifest.kind} ${manifest.metadata.name}`);
      if (manifest.kind !== "Namespace") t.equal(manifest.metadata.namespace, "portmesh");
      if (kustomization === "base")
        t.match(manifest.metadata.labels, { "app.kubernetes.io/part-of": "portmesh" });
    }
    t.notMatch(JSON.stringify(rendered), /"image":"[^:"]*"/, "every image has a tag");
  }
  const agent = (kustomization: string): string =>
    JSON.stringify(render(join(folder, kustomization)).find(({ kind }) => kind === "DaemonSet"));
  t.notMatch(agent("base"), "--metrics", "agents have no port for metrics where nobody scrapes them");
  t.match(agent("overlays/monitored"), '"--metrics=$(HOST_IP):7719"');
  t.match(agent("overlays/monitored"), '"name":"metrics","containerPort":7719');
});

const kubectl = await runTool("kubectl", ["version", "--client"]).catch(() => undefined);
const skip =
  kubectl === undefined &&
  "kubectl is not here to compare with: in no package of Debian that knows components";
t.test("kubectl renders the same", { skip }, async (t) => {
  const byName = (manifests: readonly Manifest[]): Record<string, Manifest> =>
    Object.fromEntries(manifests.map((each) => [`${each.kind} ${each.metadata.name}`, each]));
  for (const kustomization of kustomizations) {
    const { exitCode, said } = await runTool("kubectl", ["kustomize", join(folder, kustomization)]);
    t.equal(exitCode, 0, said.slice(0, 2_000));
    t.strictSame(byName(documentsOf(said)), byName(render(join(folder, kustomization))));
  }
});
