/**
 * Certificates: seen at endpoints, and on the nodes' own ports once the product's services hold them. The row's
 * key says what of it counts: `validity`, `issuer`, `fingerprint`, or nothing beyond that there is one.
 */
import { eachPort } from "../ports.ts";
import type { Requirement } from "../spec.ts";
import { judgeCertificate, judgeSameness, type Judged, type Seen } from "./certificate-judgement.ts";
import { hostsIn } from "./domain.ts";
import type {
  PlannedRequirement,
  RequirementCheck,
  RequirementContext,
  RequirementFinding,
} from "./requirement-check.ts";
import { byVerdict, endpointsOfRow, enumerated, nameOf, namedFlows } from "./shown-by.ts";

export const certificate: RequirementCheck = {
  how: (row) => {
    const places = [
      ...(row.endpoints === undefined ? [] : [`at ${enumerated("endpoint", row.endpoints)}`]),
      ...(row.flows === undefined ? [] : [`at the far end of ${namedFlows(row)}, once a service is there`]),
    ];
    if (places.length === 0) return { stated: "the document does not say where it is shown" };
    return {
      how: "probed",
      text: `${whatCounts(row)} of the certificate that is shown ${places.join(", and ")}`,
    };
  },
  hindrance: ({ row, services }, { phase, plannedEndpoints }) => {
    const named = [
      ...(row.endpoints ?? []).map((name) => `endpoints/${name}`),
      ...[row.flows ?? []].flat().map((name) => `flows/${name}`),
    ];
    if (named.some((name) => plannedEndpoints.has(name))) return undefined;
    if (phase === "install")
      return "before the installation no service shows a certificate: check it with --phase runtime";
    return services.length === 0
      ? "nothing that would show the certificate is part of this check"
      : undefined;
  },
  needs: ({ services }) => ({
    certificates: [...new Set(services.flatMap(({ ports }) => [...eachPort(ports)]))],
  }),
  judge: (planned, context) => {
    const onNodes = context.phase === "runtime" ? seenOnNodes(planned, context) : [];
    const all = [...seenAtEndpoints(planned, context), ...onNodes];
    const expectation = {
      key: planned.row.key,
      issuer: planned.row.issuer,
      names: (planned.row.supplied ?? []).flatMap((option) => hostsIn(planned.options, option)),
      expiryMs: context.thresholds.expiryMs,
      now: context.now,
    };
    const sameness = planned.row.key === "fingerprint" ? judgeSameness(all) : undefined;
    const byNode = Map.groupBy(all, ({ node }) => node);
    return Array.from(byNode, ([node, seen]) => {
      const judged = seen.map((each) => ({
        ...(sameness?.(each) ?? judgeCertificate(each, expectation)),
        at: each.at,
      }));
      return findingFor(node, planned.row.expected, judged);
    });
  },
};

function whatCounts({ key, issuer }: Requirement): string {
  const texts: Record<string, string> = {
    validity: "authority, name and dates",
    issuer: `the issuer (${issuer ?? "any"})`,
    fingerprint: "key and dates, compared over the nodes,",
  };
  return texts[key ?? ""] ?? "the presence";
}

function seenAtEndpoints({ row }: PlannedRequirement, { endpoints }: RequirementContext): Seen[] {
  return endpointsOfRow(row, endpoints).map((endpoint) => {
    const { decisive, agent } = endpoint.evidence;
    const at = nameOf(endpoint);
    const node = endpoint.from;
    if (decisive?.tls !== undefined) return { node, at, tls: decisive.tls, dialled: endpoint.host };
    return { node, at, why: agent === "missing" ? "no agent" : endpoint.reason };
  });
}

function seenOnNodes({ services }: PlannedRequirement, { nodes, facts }: RequirementContext): Seen[] {
  return services.flatMap(({ node: index, ports }) => {
    const node = nodes[index]!.name;
    const found = facts(index);
    return Array.from(eachPort(ports), (port): Seen => {
      const at = `${node} port ${port}`;
      const shown = found?.certificates.find((each) => each.port === port);
      if (shown?.tls !== undefined) return { node, at, tls: shown.tls, dialled: undefined };
      return { node, at, why: shown?.detail ?? "no service was seen there" };
    });
  });
}

function findingFor(
  node: string,
  expected: string,
  judged: readonly (Judged & { at: string })[],
): RequirementFinding {
  const { verdict, reason, actual, at } = judged.toSorted(byVerdict)[0]!;
  const others =
    judged.length > 1
      ? ` (${judged.filter((each) => each.verdict === verdict).length} of ${judged.length} alike)`
      : "";
  return { verdict, reason, node, expected, actual: `${actual}${others}`, from: at };
}
