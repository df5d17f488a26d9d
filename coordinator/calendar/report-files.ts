/** Reports in a folder: each is there whole or not at all, and the oldest go. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ReportFileFormat } from "../../shared/calendar-settings.ts";
import { PortmeshError } from "../../shared/errors.ts";

export interface ReportFolder {
  folder: string;
  cluster: string;
  formats: readonly ReportFileFormat[];
  /** So many reports stay, each in all of its formats. */
  keep: number;
}

const endings: Readonly<Record<ReportFileFormat, string>> = {
  json: "json",
  html: "html",
  csv: "csv",
  junit: "junit.xml",
  md: "md",
};
const stampPattern = "[0-9]{8}T[0-9]{4}Z";

/**
 * Writes the report of a moment (milliseconds since 1970), readable by this user alone; `text` gives it in pieces.
 * @returns the files. @throws PortmeshError where the folder cannot be written to; an earlier report stays as it was.
 */
export async function writeReports(
  { folder, cluster, formats, keep }: ReportFolder,
  at: number,
  text: (format: ReportFileFormat) => AsyncIterable<string>,
): Promise<string[]> {
  const name = fileName(cluster);
  const stamp = new Date(at)
    .toISOString()
    .replaceAll(/[-:]/g, "")
    .replace(/[0-9]{2}\.[0-9]{3}Z$/, "Z");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const paths: string[] = [];
    for (const format of formats) {
      const path = join(folder, `${name}-${stamp}.${endings[format]}`);
      await writeWhole(path, text(format));
      paths.push(path);
    }
    removeOld(folder, name, keep);
    return paths;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw new PortmeshError("cannot-run", `cannot write the report to ${folder}: ${code}`, {
      next: "Make room or give this user the folder; schedule.report.folder names another one.",
      cause: error,
    });
  }
}

async function writeWhole(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const part = `${path}.part`;
  try {
    const file = await open(part, "w", 0o600);
    try {
      for await (const piece of pieces) await file.write(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Only files that have the names given here. */
function removeOld(folder: string, name: string, keep: number): void {
  const wanted = Object.values(endings).join("|").replaceAll(".", "\\.");
  const pattern = new RegExp(`^${name}-(${stampPattern})\\.(${wanted})(\\.part)?$`);
  const files = readdirSync(folder).flatMap((file) => {
    const stamp = pattern.exec(file)?.[1];
    return stamp === undefined ? [] : [{ file, stamp }];
  });
  const stamps = [...new Set(files.map(({ stamp }) => stamp))].toSorted((a, b) => (a < b ? 1 : -1));
  const kept = new Set(stamps.slice(0, keep));
  for (const { file, stamp } of files) if (!kept.has(stamp)) rmSync(join(folder, file), { force: true });
}

/** Cluster names may have any character. */
function fileName(cluster: string): string {
  return cluster.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "") || "cluster";
}
