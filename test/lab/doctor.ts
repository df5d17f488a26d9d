/** Runs `portmesh doctor` on a host of a lab, and the commands that it prints. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { DoctorCheck, DoctorReport } from "../../cli/doctor/examine.ts";
import { writeCluster, type LabCluster } from "./cluster.ts";
import type { Host, Lab } from "./lab.ts";

const launcher = join(import.meta.dirname, "../../bin/portmesh");

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
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  async visit(host: Host, { args = [], env, as = [] }: VisitOptions = {}): Promise<Visit> {
    // `ip netns exec` has a mount namespace of its own, so that this is seen by nobody else.
    const mount = `mount --bind ${this.path("resolv.conf")} /etc/resolv.conf && exec "$@"`;
    const command = [
      ...as,
      launcher,
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
