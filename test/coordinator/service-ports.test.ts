import t from "tap";
import { ServicePorts } from "../../coordinator/service-ports.ts";
import { makePlan } from "../../shared/plan.ts";
import { clusterOf, flowOf, nodesOf, specOf } from "../helpers/domain-fixtures.ts";

const plan = makePlan(
  clusterOf(
    specOf({
      flows: [
        flowOf("anything", { ports: "9000-9010" }),
        flowOf("web", { ports: [9_001, 9_002], application: "http" }),
        flowOf("database", { ports: 5_432, application: "postgres" }),
        flowOf("secured", { ports: 9_443, application: "https", security: "tls" }),
        flowOf("names", { ports: 53, transport: "udp", application: "dns" }),
        flowOf("overlay", { ports: 8_472, transport: "udp", application: "vxlan" }),
      ],
    }),
    nodesOf(["peer"], ["peer"]),
  ),
  "install",
);
const servicesOf = (protocol: string, occupied: number[]) => {
  const target = plan.targets.find((each) => each.from === 0 && each.protocol === protocol)!;
  return new ServicePorts(plan).of(target, occupied);
};

t.test("the ports of one target are spoken to in the protocol of their own flow", async (t) => {
  t.strictSame(servicesOf("tcp", [9_000, 9_001, 9_002, 9_010, 5_432]), [
    { exchange: "plain", tls: false, ports: "9000,9010" },
    { exchange: "http", tls: false, ports: "9001-9002" },
    { exchange: "postgres", tls: false, ports: "5432" },
  ]);
  t.strictSame(servicesOf("tls", [9_443]), [{ exchange: "http", tls: true, ports: "9443" }]);
});

t.test("a port of another target, or that nobody holds, is not spoken to", async (t) => {
  t.strictSame(servicesOf("tcp", [9_443, 1]), []);
  t.strictSame(servicesOf("tcp", []), []);
});

t.test("a UDP service whose protocol is not known keeps the probe for a proof", async (t) => {
  t.strictSame(servicesOf("udp", [53, 8_472]), [{ exchange: "dns", tls: false, ports: "53" }]);
});
