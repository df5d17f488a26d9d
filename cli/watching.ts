/** One life of a coordinator that watches a cluster, put together from its parts: from its folder to its goodbye. */
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { Calendar, type CalendarConfig } from "../coordinator/calendar/calendar.ts";
import { keptIdentity, prepareDataDir } from "../coordinator/data-dir.ts";
import { startHttp, type RunningHttp } from "../coordinator/http/http-server.ts";
import { openJournal } from "../coordinator/journal/open-journal.ts";
import { coordinatorMetrics } from "../coordinator/metrics.ts";
import { Notifier } from "../coordinator/notify/notifier.ts";
import { ClusterView } from "../coordinator/watch/cluster-view.ts";
import { WatchCoordinator } from "../coordinator/watch/watch-coordinator.ts";
import { reportText } from "../coordinator/watch/watch-report.ts";
import type { Cluster } from "../shared/cluster-file.ts";
import { describeError, PortmeshError } from "../shared/errors.ts";
import type { CheckPhase, Skippable } from "../shared/names.ts";
import { readTextFile } from "../shared/spec-folder.ts";
import { readCluster } from "./cluster-input.ts";
import { interruptible } from "./interrupt.ts";
import { readHooks } from "./notify-hooks.ts";
import { readSecretFile } from "./secret-file.ts";
import { portmeshVersion } from "./version.ts";
import { reportRenderers } from "./views/formats.ts";

export interface WatchSettings {
  listen: { host: string; port: number };
  advertise?: readonly string[];
  dataDir?: string;
  /** With a socket, that is where it is listened, and somebody leads to it from this address. */
  http: { host: string; port: number; socket?: string };
  httpName: readonly string[];
  httpTls?: readonly string[];
  tokenFile?: string;
  phase: CheckPhase;
  skip: readonly Skippable[];
}

export interface RunningWatch {
  coordinator: WatchCoordinator;
  view: ClusterView;
  /** Of dashboard, API and metrics. */
  url: string;
  dataDir: string;
  /** When all is to end. */
  signal: AbortSignal;
}

/** The cluster file is looked at so often. */
const reloadMs = 2_000;

/**
 * Watches for as long as `attend` takes, which is called once everything runs, and is to come to its end when the
 * signal says so.
 * @returns the exit code.
 */
export async function watchCluster(
  file: string,
  settings: WatchSettings,
  attend: (running: RunningWatch) => Promise<void>,
): Promise<number> {
  // What changes while all is started is read again.
  const stamp = stampOf(file);
  const cluster = readCluster(file);
  const hooks = readHooks(cluster, file);
  const tls = tlsOf(settings.httpTls);
  const token =
    settings.tokenFile === undefined ? undefined : readSecretFile(settings.tokenFile, "--token-file");
  const dataDir = settings.dataDir ?? join(stateFolder(process.env, process.getuid?.()), cluster.name);
  prepareDataDir(dataDir);
  const now = (): Date => new Date();
  using interrupt = interruptible();
  // First, since whoever has the journal has the folder.
  await using journal = await openJournal({ folder: dataDir, now: () => now().getTime() });
  checkCluster(cluster.name, journal.restored?.plan.cluster.name, dataDir);
  const identity = await keptIdentity(dataDir, now());
  await using coordinator = await WatchCoordinator.start({
    cluster,
    ...settings.listen,
    advertise: settings.advertise,
    identity,
    journal,
    phase: settings.phase,
    skip: settings.skip,
    now,
    monotonic: () => performance.now(),
  });
  const view = new ClusterView(coordinator);
  await using notifier = await Notifier.start({ hooks, folder: dataDir }, coordinator, view);
  const metrics = coordinatorMetrics(coordinator, view, portmeshVersion(), notifier);
  await using http: RunningHttp = await startHttp(
    {
      ...settings.http,
      tls,
      access: { token, names: settings.httpName },
      version: portmeshVersion(),
      defect: (error) =>
        process.stderr.write(`a request failed: ${error instanceof Error ? error.stack : String(error)}\n`),
    },
    { coordinator, view, renderers: reportRenderers },
    metrics,
  );
  const calendarOf = ({ schedule, history }: Cluster): CalendarConfig => ({
    schedule,
    history,
    dataDir,
    reportFolder:
      schedule.report?.folder === undefined
        ? join(dataDir, "reports")
        : resolve(dirname(file), schedule.report.folder),
    reportText: (format) => reportText(view, coordinator.now(), format, reportRenderers),
  });
  await using calendar = new Calendar(calendarOf(cluster), coordinator);
  const reload = async (): Promise<void> => {
    // Read before anything is changed: a mistake in any of it leaves all as it was.
    const next = readCluster(file);
    const nextHooks = readHooks(next, file);
    await coordinator.reload(next);
    await notifier.reload(nextHooks);
    calendar.reload(calendarOf(next));
  };
  const over = new AbortController();
  const attended = attend({ coordinator, view, url: http.url, dataDir, signal: interrupt.signal });
  await Promise.all([
    reloading({ file, stamp }, reload, coordinator, AbortSignal.any([interrupt.signal, over.signal])),
    attended.finally(() => over.abort()),
  ]);
  return interrupt.exitCode ?? 0;
}

/** The same node names may mean other hosts there. */
function checkCluster(name: string, kept: string | undefined, dataDir: string): void {
  if (kept === undefined || kept === name) return;
  throw new PortmeshError(
    "cannot-run",
    `${dataDir} holds the history of the cluster ${JSON.stringify(kept)}, and this one is ${JSON.stringify(name)}`,
    { next: "Choose another --data-dir. To rename a cluster, change its file while its coordinator runs." },
  );
}

/** Until the signal comes: reads the cluster file again when it has changed, or when it is asked to. */
async function reloading(
  { file, stamp: first }: { file: string; stamp: string },
  reload: () => Promise<void>,
  coordinator: WatchCoordinator,
  signal: AbortSignal,
): Promise<void> {
  let asked = false;
  const ask = (): void => {
    asked = true;
  };
  process.on("SIGHUP", ask);
  let stamp = first;
  while (!signal.aborted) {
    await sleep(reloadMs, undefined, { signal }).catch(() => {});
    const current = stampOf(file);
    if (signal.aborted || (current === stamp && !asked)) continue;
    stamp = current;
    asked = false;
    try {
      await reload();
    } catch (error) {
      coordinator.reloadFailed(describeError(error));
    }
  }
  process.off("SIGHUP", ask);
}

function stampOf(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    // It changed to that; reading it says what is wrong.
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  }
}

function tlsOf(files: readonly string[] | undefined): { cert: string; key: string } | undefined {
  if (files === undefined) return undefined;
  const [cert, key] = files as [string, string];
  const tls = { cert: readTextFile(cert, "--http-tls"), key: readSecretFile(key, "--http-tls") };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new PortmeshError("usage", `cannot use --http-tls ${cert},${key}: ${(error as Error).message}`, {
      next: "The first file holds the certificate and then those of its issuers, the second its key, in PEM.",
      cause: error,
    });
  }
  return tls;
}

/** /var/lib/portmesh for root, what systemd says, or the state folder of the user. */
function stateFolder(env: NodeJS.ProcessEnv, uid: number | undefined): string {
  const ofUnit = env["STATE_DIRECTORY"];
  if (ofUnit !== undefined && ofUnit !== "") return ofUnit.split(":")[0]!;
  if (uid === 0) return "/var/lib/portmesh";
  const state = env["XDG_STATE_HOME"];
  return join(state !== undefined && state !== "" ? state : join(homedir(), ".local/state"), "portmesh");
}
