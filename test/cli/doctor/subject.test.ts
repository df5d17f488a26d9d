import t from "tap";
import { anyNodeOf } from "../../../cli/doctor/subject.ts";
import { flowOf, specOf } from "../../helpers/domain-fixtures.ts";

t.test("services that hosts bring are those on registered ports alone", async (t) => {
  const spec = specOf({
    flows: [
      flowOf("login", { application: "ssh", ports: 22 }),
      flowOf("control", { application: "ssh", ports: "3022-3025" }),
      flowOf("names", { application: "dns", transport: "udp", ports: 53 }),
      flowOf("web", { application: "http", ports: 80 }),
    ],
  });
  t.strictSame([...anyNodeOf(spec, "install", "10.0.0.1").hostServices], ["tcp 22", "udp 53"]);
});
