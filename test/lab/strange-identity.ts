/** A certificate as an inspecting proxy makes it: right name, valid dates, an authority that nobody here knows. */
import { LabAuthority, type Identity } from "../helpers/lab-authority.ts";

export const strangeIssuer = "Lab Inspection CA";

export async function strangeIdentity(): Promise<Identity> {
  const authority = await LabAuthority.create(`CN=${strangeIssuer}`);
  return authority.issue(["*.node.portmesh"]);
}
