/** What a schema cannot say of the ports and hosts that the rows of a spec name. */
import { canonicalAddress, familyOf, parseHost } from "./addresses.ts";
import type { SourceDocument } from "./document.ts";
import { maxEndpointPorts } from "./endpoint-report.ts";
import type { Problem } from "./errors.ts";
import { countPorts, parsePorts } from "./ports.ts";
import type { ProductSpec } from "./spec.ts";

/** Exactly one way of naming the ports, and numbers that make sense. */
export function portProblems(source: SourceDocument<ProductSpec>): Problem[] {
  return (["flows", "endpoints"] as const).flatMap((section) =>
    source.value[section].flatMap((row, index): Problem[] => {
      const at = `/${section}/${index}`;
      const ways = [row.ports, row.anyOf, row.configurable].filter((way) => way !== undefined).length;
      if (row.transport === "icmp")
        return ways === 0
          ? []
          : [source.problem(at, "icmp has no ports: leave ports, anyOf and configurable out")];
      if (ways !== 1) return [source.problem(at, "needs exactly one of ports, anyOf and configurable")];
      const parsed = parsePorts(row.ports ?? row.anyOf ?? []);
      if (typeof parsed === "string") return [source.problem(`${at}/ports`, parsed)];
      const isOutside = section === "endpoints" || row.supplied !== undefined;
      if (!isOutside || countPorts(parsed) <= maxEndpointPorts) return [];
      const message = `of a host outside of the cluster ${maxEndpointPorts} ports at most are asked for`;
      return [source.problem(`${at}/${row.ports === undefined ? "anyOf" : "ports"}`, message)];
    }),
  );
}

/** Agents refuse an order for what is no host in its one spelling. */
export function hostProblems(source: SourceDocument<ProductSpec>): Problem[] {
  return source.value.endpoints.flatMap(({ hosts = [], addresses = [] }, index) => {
    const problem = (pointer: string, message: string): Problem =>
      source.problem(`/endpoints/${index}/${pointer}`, message);
    return [
      ...hosts.flatMap((host, at) =>
        parseHost(host)?.host === host && familyOf(host) === undefined
          ? []
          : [problem(`hosts/${at}`, `${host} is no host name`)],
      ),
      ...addresses.flatMap((address, at) => {
        if (familyOf(address) === undefined) return [problem(`addresses/${at}`, `${address} is no address`)];
        const usual = canonicalAddress(address);
        return usual === address ? [] : [problem(`addresses/${at}`, `${address} is written ${usual}`)];
      }),
    ];
  });
}
