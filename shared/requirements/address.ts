/**
 * Kind `address`. Key `static-ipv4`: the node has a private IPv4 address (RFC 1918) that no DHCP server
 * leases to it. A reservation at that server looks like any lease from here.
 */
import { familyOf } from "../addresses.ts";
import { livesOnLoopback, ownAddresses } from "./own-interface.ts";
import {
  met,
  unknownYet,
  unmet,
  type RequirementCheck,
  type RequirementFinding,
} from "./requirement-check.ts";

const noName = { stated: "no probe shows this of an address" };
const onLoopback = { stated: "nodes on loopback have no address of their own" };
const expected = "a private IPv4 address that is not leased";
/** RFC 1918 section 3. */
const privateRange = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/;

export const address: RequirementCheck = {
  how: ({ key }) =>
    key === "static-ipv4"
      ? { how: "measured", text: "each node tells its addresses, and whether they are leased" }
      : noName,
  judge({ row, on }, context) {
    if (row.key !== "static-ipv4") return noName;
    if (on.every((index) => livesOnLoopback(context.nodes[index]!))) return onLoopback;
    return on.map((index): RequirementFinding => {
      const node = context.nodes[index]!;
      const facts = context.facts(index);
      const v4 = node.addresses.filter((each) => familyOf(each) === 4);
      const finding = { node: node.name, expected };
      if (v4.length === 0)
        return unmet({ ...finding, actual: `only ${node.addresses.join(", ")}`, from: "the cluster file" });
      const own = v4.filter((each) => privateRange.test(each));
      if (own.length === 0)
        return unmet({ ...finding, actual: `${v4.join(", ")} is not private`, from: "the cluster file" });
      if (facts === undefined) return unknownYet(node, expected, "agent-missing");
      const found = ownAddresses(node, facts).filter((each) => own.includes(each.address));
      const good = found.find(({ entry }) => entry.leased === false);
      const leased = found.find(({ entry }) => entry.leased === true);
      const told = good ?? leased;
      if (told === undefined) {
        const why =
          found.length === 0
            ? `${own.join(", ")} is on no interface of the node`
            : `nothing tells whether ${own.join(", ")} is leased`;
        return unknownYet(node, expected, "never-probed", why);
      }
      const seen = { ...finding, from: told.entry.from ?? told.link.name };
      if (told === good) return met({ ...seen, actual: `${told.address}, not leased` });
      return unmet({
        ...seen,
        actual: `${told.address} is leased by DHCP`,
        remedy: `configure ${told.address}/${told.entry.prefix} on ${told.link.name} without DHCP`,
      });
    });
  },
};
