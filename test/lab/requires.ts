/** What a lab cannot do without. A test that needs it fails where it is missing: a skipped proof proves nothing. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const tools = { ip: "iproute2", nft: "nftables" } as const;

/** @throws an error that names what is missing and the command that brings it. */
export function requireLab(): void {
  if (process.platform !== "linux") {
    throw new Error(
      `The lab is made of Linux network namespaces; this is ${process.platform}. Next: run it on Linux.`,
    );
  }
  const missing = Object.keys(tools).filter((tool) => !isOnPath(tool));
  if (missing.length > 0) {
    throw new Error(`The lab needs ${missing.join(" and ")}. Next: sudo sh bin/system-tools`);
  }
  if (process.getuid?.() !== 0) {
    throw new Error("The lab makes network namespaces, which takes root. Next: sudo npm test");
  }
}

function isOnPath(tool: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
