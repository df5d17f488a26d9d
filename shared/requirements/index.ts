/** The registry of requirement checks: a new kind is one file and one line here. */
import type { Requirement } from "../spec.ts";
import { noFactNeeds, type FactNeeds } from "../node-facts.ts";
import { access } from "./access.ts";
import { certificate } from "./certificate.ts";
import { domain } from "./domain.ts";
import { loadBalancer } from "./load-balancer.ts";
import { proxy } from "./proxy.ts";
import { publicAddress } from "./public-address.ts";
import type { PlannedRequirement, RequirementCheck } from "./requirement-check.ts";
import { service } from "./service.ts";
import { subnet } from "./subnet.ts";
import { topology } from "./topology.ts";

const checks: Readonly<Partial<Record<Requirement["kind"], RequirementCheck>>> = {
  access,
  certificate,
  domain,
  "load-balancer": loadBalancer,
  proxy,
  "public-address": publicAddress,
  service,
  subnet,
  topology,
};

/** Undefined where people have to confirm it: the row says so itself, or nothing here knows its kind. */
export function checkFor(row: Requirement): RequirementCheck | undefined {
  return row.stated === undefined ? checks[row.kind] : undefined;
}

/** What has to be read on the nodes that a requirement is about. */
export function factNeedsOf(planned: PlannedRequirement): FactNeeds {
  return { ...noFactNeeds, ...checkFor(planned.row)?.needs?.(planned) };
}
