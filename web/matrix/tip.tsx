/** What is under the pointer, in words. */
import type { ReadonlySignal } from "@preact/signals";
import { picture } from "../store.ts";
import { cellText } from "./describe.ts";
import type { Sight } from "./draw.ts";
import { pointed } from "./focus.ts";
import type { Layout } from "./layout.ts";

export function Tip({ layout, sight }: { layout: ReadonlySignal<Layout>; sight: ReadonlySignal<Sight> }) {
  const at = pointed.value;
  const text = at === undefined ? "" : cellText(picture.value!, at.row, at.column);
  if (at === undefined || text === "") return null;
  const { columns, rows, size } = layout.value;
  const { left, top, x, y, width, height } = sight.value;
  const across = left - x + (columns[at.column] ?? 0);
  const down = top - y + (rows[at.row] ?? 0);
  const isRight = across > width / 2;
  const isLow = down > height / 2;
  return (
    <div
      class="tip"
      aria-hidden="true"
      style={{
        [isRight ? "right" : "left"]: `${isRight ? width - across + 8 : across + size + 8}px`,
        [isLow ? "bottom" : "top"]: `${isLow ? height - down : down + size}px`,
      }}
    >
      {text}
    </div>
  );
}
