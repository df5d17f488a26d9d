/** Runs `portmesh doctor` on a host of a lab, and the commands that it prints. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { DoctorCheck, DoctorReport } from "../../cli/doctor/examine.ts";
import { writeCluster, type LabCluster } from "./cluster.ts";
import type { Host, Lab } from "./lab.ts";

const checkout = join(import.meta.dirname, "../..");

export interface Visit {
  exitCode: number | null;
  report: DoctorReport;
  /** The one check of this name. */
  check: (name: string) => DoctorCheck;
}

export interface VisitOptions {
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** What the command line begins with: another user. */
  as?: readonly string[];
}

export class Doctor implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "portmesh-doctor-"));
  readonly #cluster: string;

  /** Of a cluster of these nodes, whose only name server is at this address. */
  constructor(lab: Lab, cluster: LabCluster, nameServer: string) {
    this.#cluster = writeCluster(this.#folder, lab, cluster);
    writeFileSync(this.path("resolv.conf"), `nameserver ${nameServer}\n`);
    mkdirSync(this.path("portmesh"));
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  async visit(host: Host, { args = [], env, as = [] }: VisitOptions = {}): Promise<Visit> {
    // `ip netns exec` has a mount namespace of its own, so that this is seen by nobody else. The checkout may lie
    // where another user cannot go.
    const mount = `mount --bind ${this.path("resolv.conf")} /etc/resolv.conf && mount --bind ${checkout} ${this.path("portmesh")} && exec "$@"`;
    const command = [
      // Nor can another user load what tap adds to each Node, from the checkout as well.
      ...(as.length === 0 ? [] : [...as, "env", "-u", "NODE_OPTIONS"]),
      this.path("portmesh/bin/portmesh"),
      "doctor",
      "--cluster",
      this.#cluster,
      "--node",
      host.name,
      "-o",
      "json",
      ...args,
    ];
    const child = host.spawn("sh", ["-c", mount, "sh", ...command], { env: { ...process.env, ...env } });
    const [out, err, [exitCode]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, "exit") as Promise<[number | null]>,
    ]);
    if (out === "") throw new Error(`the doctor printed nothing: ${err}`);
    const report = JSON.parse(out) as DoctorReport;
    return {
      exitCode,
      report,
      check: (name) => {
        const found = report.checks.filter((each) => each.name === name);
        if (found.length !== 1) throw new Error(`${found.length} checks are called ${name}`);
        return found[0]!;
      },
    };
  }

  /** Runs what was printed, as it was printed; gives what it left in /etc/sysctl.d, which here is empty before. */
  async mend(host: Host, { remedy }: { remedy?: string }): Promise<string> {
    const around =
      'mount -t tmpfs none /etc/sysctl.d && sh -ec "$1" >&2 && cat /etc/sysctl.d/* 2>/dev/null || true';
    return host.run("sh", ["-c", around, "sh", remedy!]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
