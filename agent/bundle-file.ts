/** The file an offline agent leaves: its place is made sure of before the window begins, and it appears as a whole. */
import { sign } from "node:crypto";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join, basename } from "node:path";
import { PortmeshError } from "../shared/errors.ts";
import type { Bundle, BundleContent, OfflinePlan } from "../shared/offline.ts";

/** About what one result takes in a bundle, in bytes, and what the rest takes. */
const resultBytes = 64;
const otherBytes = 64 * 1024;

/** Signs the exact bytes of the content with the node's own key. */
export function signBundle(content: BundleContent, plan: OfflinePlan): string {
  const text = JSON.stringify(content);
  const signature = sign("sha256", Buffer.from(text), plan.privateKey).toString("base64");
  const { certificate, authority } = plan;
  const bundle: Bundle = {
    apiVersion: "portmesh/v1",
    kind: "Bundle",
    version: 1,
    content: text,
    signature,
    certificate,
    authority,
  };
  return `${JSON.stringify(bundle)}\n`;
}

/** The room a bundle of this plan will need, in bytes; generous, because a disk fills up in a window. */
export function expectedBundleBytes(plan: OfflinePlan, probes: number): number {
  return 2 * JSON.stringify(plan.plan).length + probes * resultBytes + otherBytes;
}

/** A file on its way: room on the disk under another name, until it is written. */
export class BundleFile implements AsyncDisposable {
  readonly path: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;
  #isWritten = false;

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.path = path;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  /** @throws PortmeshError where there is no room, or no right to write. */
  static async reserve(path: string, bytes: number): Promise<BundleFile> {
    const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
    let handle: FileHandle | undefined;
    try {
      handle = await open(temporary, "wx", 0o600);
      await writeAll(handle, Buffer.alloc(bytes));
      await handle.sync();
      return new BundleFile(path, temporary, handle);
    } catch (error) {
      await handle?.close().catch(() => {});
      // A name that was taken is somebody else's file.
      if (handle !== undefined) await rm(temporary, { force: true }).catch(() => {});
      throw unwritable(path, error);
    }
  }

  /** @throws PortmeshError where it cannot be written after all. */
  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      await writeAll(this.#handle, bytes);
      await this.#handle.truncate(bytes.length);
      await this.#handle.sync();
      await rename(this.#temporary, this.path);
      this.#isWritten = true;
    } catch (error) {
      throw unwritable(this.path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close().catch(() => {});
    if (!this.#isWritten) await rm(this.#temporary, { force: true }).catch(() => {});
  }
}

/** From the beginning of the file. A disk that is nearly full takes a part before it says so. */
async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;)
    at += (await handle.write(bytes, at, bytes.length - at, at)).bytesWritten;
}

function unwritable(path: string, error: unknown): PortmeshError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return new PortmeshError("cannot-run", `cannot write the bundle ${path}: ${code}`, {
    next: "Choose a folder with room for it with --bundle PATH.",
    cause: error,
  });
}
