import t from "tap";
import { readNameServers } from "../../../agent/facts/name-servers.ts";
import { hostFolders } from "../../helpers/host-folders.ts";

t.test("the first three name servers that can be asked, in order", async (t) => {
  const text = `# nameserver 10.0.0.1
search example.com
nameserver fe80::1%eth0
nameserver 10.0.0.2
nameserver\tFD00::3
nameserver what
nameserver 10.0.0.4
nameserver 10.0.0.5
`;
  t.strictSame(readNameServers(hostFolders(t, { etc: { "resolv.conf": text } })), [
    "10.0.0.2",
    "fd00::3",
    "10.0.0.4",
  ]);
  t.strictSame(readNameServers(hostFolders(t, {})), []);
});
