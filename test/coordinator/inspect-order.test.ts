import t from "tap";
import { inspectOrder } from "../../coordinator/inspect-order.ts";
import { nothingOutside, type OutsideSettings } from "../../shared/outside.ts";
import { makePlan } from "../../shared/plan.ts";
import { clusterOf, endpointRowOf, nodesOf, requirementOf, specOf } from "../helpers/domain-fixtures.ts";

t.test("addresses of the cluster file go along for what a node dials itself", async (t) => {
  const spec = specOf({
    options: { target: { type: "url", description: "A file.", doc: "ports:1" } },
    endpoints: [endpointRowOf("api", { proxies: ["http"] })],
    requirements: [
      requirementOf("download", "bandwidth", { minimum: { value: 1, unit: "Mbit/s" }, supplied: ["target"] }),
    ],
  });
  const cluster = clusterOf(spec, nodesOf(["peer"]), { target: "http://files.example/big" });
  const outside: OutsideSettings = {
    ...nothingOutside,
    proxies: { http: { host: "proxy.example", port: 3_128, credentials: undefined } },
    resolve: new Map([
      ["api.example.com", ["10.9.9.1"]],
      ["proxy.example", ["10.9.9.2"]],
      ["files.example", ["10.9.9.3"]],
      ["other.example", ["10.9.9.4"]],
    ]),
  };
  const order = inspectOrder(makePlan({ ...cluster, outside }, "install"), 0, outside);
  t.match(order.endpoints, [{ host: "api.example.com", addresses: ["10.9.9.1"], route: "http" }]);
  t.strictSame(order.outside.resolve, {
    "proxy.example": ["10.9.9.2"],
    "files.example": ["10.9.9.3"],
  });
  t.equal(inspectOrder(makePlan(cluster, "install"), 0, nothingOutside).outside.resolve, undefined);
});
