/** What can be selected with `--only`, what each needs, and what must hold. */
import { blackbox } from "./blackbox.ts";
import { holding } from "./holding.ts";
import type { Subject } from "./measure.ts";
import { echoAddress, farAddress } from "./network.ts";
import { limit, ours } from "./proofs.ts";
import { nmapBlind, nmapSilent, nmapTcp, nmapUdp } from "./scanners.ts";
import type { Setting } from "./setting.ts";
import { iperf, streams } from "./streams.ts";
import { sweeping } from "./sweeping.ts";
import { watching } from "./watching.ts";

export interface SubjectDefinition {
  /** Commands of the system, beyond `ip`. */
  needs: readonly string[];
  farEnds: readonly ["tcp" | "udp" | "echo", string][];
  prepare: (setting: Setting) => Promise<Subject>;
}

const compiler = ["gcc", "/usr/include/openssl/ssl.h"];

export const subjectNames = ["tcp", "connect", "udp", "listeners", "stream", "agent", "coordinator"] as const;
/** Without those that take a quarter of an hour. */
export const usualSubjects = ["tcp", "connect", "udp", "listeners", "stream"] as const;
export type SubjectName = (typeof subjectNames)[number];

export const subjects: Readonly<Record<SubjectName, SubjectDefinition>> = {
  tcp: {
    needs: compiler,
    farEnds: [["tcp", farAddress]],
    prepare: async (setting) => ({
      measurements: [limit(setting, "tcp"), ours(setting, "tcp")],
      comparisons: [{ title: "tcp proof: Portmesh / C", of: "tcp-ours", to: ["tcp-limit"], atLeast: 0.45 }],
    }),
  },
  connect: {
    needs: [...compiler, "nmap", "prometheus-blackbox-exporter"],
    farEnds: [["tcp", farAddress]],
    async prepare(setting) {
      const scans = nmapTcp(setting);
      const nmap = scans.map(({ id }) => id);
      return {
        measurements: [ours(setting, "tcp"), await blackbox(setting), ...scans],
        comparisons: [
          {
            title: "tcp: proof by Portmesh / connect by blackbox_exporter",
            of: "tcp-ours",
            to: ["tcp-blackbox"],
            atLeast: 3,
          },
          { title: "tcp: proof by Portmesh / connect by nmap", of: "tcp-ours", to: nmap },
        ],
      };
    },
  },
  udp: {
    needs: [...compiler, "nmap"],
    farEnds: [
      ["udp", farAddress],
      ["echo", echoAddress],
    ],
    async prepare(setting) {
      const scans = nmapUdp(setting);
      const nmap = scans.map(({ id }) => id);
      return {
        measurements: [
          limit(setting, "udp"),
          ours(setting, "udp"),
          ...scans,
          nmapSilent(setting),
          nmapBlind(setting),
        ],
        comparisons: [
          { title: "udp proof: Portmesh / C", of: "udp-ours", to: ["udp-limit"] },
          {
            title: "udp: proof by Portmesh / port found by nmap where everything is echoed",
            of: "udp-ours",
            to: nmap,
          },
          {
            // The same far end for both: it is silent to everybody without a valid probe.
            title: "udp: proof by Portmesh / nmap on the same ports",
            of: "udp-ours",
            to: ["udp-nmap-silent"],
            atLeast: 5,
          },
          {
            title: "udp: proof by Portmesh / packet nmap did not wait for",
            of: "udp-ours",
            to: ["udp-nmap-blind"],
          },
        ],
      };
    },
  },
  listeners: {
    needs: [],
    farEnds: [],
    prepare: async (setting) => ({
      measurements: [await holding(setting)],
      comparisons: [{ title: "listeners: seconds until all ports are held", of: "listeners", atMost: 0.5 }],
    }),
  },
  coordinator: {
    needs: [],
    farEnds: [],
    prepare: async ({ folder, children }) => watching(folder, children),
  },
  agent: {
    needs: ["curl"],
    farEnds: [],
    prepare: async (setting) => sweeping(setting),
  },
  stream: {
    needs: ["iperf3"],
    farEnds: [],
    async prepare(setting) {
      const [there, back] = await streams(setting);
      return {
        measurements: [await iperf(setting), there, back],
        comparisons: [
          {
            title: "stream there, Gbit/s: enough to tell a link of 5 Gbit/s",
            of: "stream-there",
            atLeast: 5,
          },
          { title: "stream back, Gbit/s: enough to tell a link of 5 Gbit/s", of: "stream-back", atLeast: 5 },
          { title: "stream there: Portmesh / iperf3", of: "stream-there", to: ["stream-iperf3"] },
          { title: "stream back: Portmesh / iperf3", of: "stream-back", to: ["stream-iperf3"] },
        ],
      };
    },
  },
};
