/** A clock of an agent's own that steps, as NTP does it, while the monotonic clock goes on: libfaketime. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const libraries = ["x86_64", "aarch64"].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`,
);

export class SteppedClock {
  readonly env: NodeJS.ProcessEnv;
  readonly #file: string;

  /** Right at first. `folder` is where the clock's offset is kept. */
  constructor(folder: string, name: string) {
    const found = libraries.find((path) => existsSync(path));
    if (found === undefined) throw new Error("The lab needs libfaketime. Next: sudo sh bin/system-tools");
    this.#file = join(folder, `clock-${name}`);
    this.step("+0");
    this.env = {
      LD_PRELOAD: found,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** `+2h` or `-2h` against the true time, from within a second on. */
  step(offset: string): void {
    writeFileSync(this.#file, `${offset}\n`);
  }
}
