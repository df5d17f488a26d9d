/** How each row of a spec is checked, in general: for whoever reads a spec, and for the documentation. */
import { checkFor } from "./requirements/index.ts";
import { enumerated, listed } from "./requirements/shown-by.ts";
import type { Endpoint, Flow, ProductSpec, Requirement, Row } from "./spec.ts";

export interface RowCheck {
  /** By traffic, by figures that are read or counted, or not at all: people have to confirm it. */
  how: "probed" | "measured" | "stated";
  text: string;
}

/** Undefined where nothing checks the row and the spec does not say why. */
export function howChecked(
  spec: ProductSpec,
  section: "flows" | "endpoints" | "requirements",
  row: Row,
): RowCheck | undefined {
  if (section === "flows") return { how: "probed", text: ofFlow(spec, row as Flow) };
  if (section === "endpoints") return { how: "probed", text: ofEndpoint(row as Endpoint) };
  return ofRequirement(row as Requirement);
}

function ofRequirement(row: Requirement): RowCheck | undefined {
  if (row.stated !== undefined) return { how: "stated", text: row.stated };
  const how = checkFor(row)?.how(row);
  if (how === undefined) return undefined;
  if ("stated" in how) return { how: "stated", text: how.stated };
  return row.byInstaller === true
    ? { ...how, text: `${how.text}; at runtime, since the installer sees to it` }
    : how;
}

function ofFlow(spec: ProductSpec, flow: Flow): string {
  if (flow.scope === "localhost")
    return joined("from each node to itself", "every other node must find it shut");
  const outside = [...new Set([...flow.from, ...flow.to])].filter(
    (role) => spec.roles[role]?.place === "outside",
  );
  return joined(
    `from ${listed(flow.from)} to ${farEndOf(flow)}`,
    outside.length === 0 ? "" : agentFor(flow, outside),
    portChoiceOf(flow),
    flow.redirectTo === undefined ? "" : `an answer of port ${flow.redirectTo} counts`,
    flow.closed?.after === "install" ? "must be shut at runtime" : "",
    flow.closed?.from === "outside" ? "an agent outside must find it shut" : "",
  );
}

/** Which part of a flow only an agent outside of the cluster shows. */
function agentFor({ from, to, supplied, endpoints }: Flow, outside: readonly string[]): string {
  const agent = `an agent that stands outside as ${outside.join(" or ")}`;
  if (supplied !== undefined || endpoints !== undefined) return `or to ${agent}`;
  const isPart = from.some((role) => !outside.includes(role)) && !to.some((role) => outside.includes(role));
  return isPart ? `from ${listed(outside)} only with ${agent}` : `only with ${agent}`;
}

function farEndOf({ supplied, endpoints, to }: Flow): string {
  if (supplied !== undefined) return `the hosts of the option ${supplied.option}`;
  if (endpoints === undefined) return listed(to);
  return endpoints.length > 3 ? `its ${endpoints.length} endpoints` : enumerated("endpoint", endpoints);
}

function ofEndpoint(row: Endpoint): string {
  const isSecured =
    row.security === "tls" ||
    row.security === "mtls" ||
    row.application === "https" ||
    row.application === "wss";
  const isUnopened = row.passthrough === true || row.security === "mtls";
  return joined(
    `from ${listed(row.from)} to ${hostsOf(row)}`,
    row.proxies === undefined
      ? ""
      : `through the ${row.proxies.join(" or ")} proxy, where the cluster file has one`,
    portChoiceOf(row),
    isSecured ? "its certificate is judged" : "",
    row.issuer === undefined ? "" : `it must be issued by ${row.issuer}`,
    isUnopened ? "nobody may open TLS" : "",
    row.to === undefined ? "" : "at runtime, since the product itself answers there",
  );
}

function hostsOf({ supplied, hosts, addresses }: Endpoint): string {
  if (supplied !== undefined) return `the hosts of the option ${supplied.option}`;
  return listed([
    ...(hosts === undefined ? [] : ["every address that its names have"]),
    ...(addresses === undefined ? [] : ["the addresses that are printed"]),
  ]);
}

function portChoiceOf({ anyOf, configurable }: Flow | Endpoint): string {
  if (anyOf !== undefined) return `one of ${anyOf.join(", ")} is enough`;
  if (configurable === undefined) return "";
  return `on the port of the option ${configurable.option}, else ${configurable.recommended}`;
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("; ");
}
