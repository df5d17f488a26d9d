/** Keys, and what the colours and signs mean. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { words, type Look } from "../model/looks.ts";
import { VerdictMark } from "./verdict-mark.tsx";

export const isHelpOpen = signal(false);

const keys = [
  ["arrows", "walk the cells of the matrix"],
  ["Home, End", "first and last cell of the row; with Ctrl of the matrix"],
  ["Page Up, Page Down", "a screen up and down"],
  ["[ and ]", "the failure before and the next one"],
  ["Enter", "opens the panel of a pair, or unfolds a group"],
  ["Escape", "closes the panel"],
  [", and .", "the change before and the next one in the history"],
  ["+ − 0", "larger and smaller cells, and all in sight"],
  ["/", "finds a node"],
  ["?", "this help"],
] as const;
const legend: readonly (readonly [Look, string])[] = [
  ["pass", "proved within the last sweep"],
  ["warn", "open, but slow, lossy or narrow"],
  ["unknown", "nobody could look, or has yet"],
  ["stale", "known once, but the agent tells nothing any more"],
  ["fail", "not as the product needs it"],
  ["none", "no flow goes this way"],
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isHelpOpen.value) dialog.current?.showModal();
  }, [isHelpOpen.value]);
  if (!isHelpOpen.value) return null;
  const close = (): void => {
    isHelpOpen.value = false;
  };
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-heading" onClose={close}>
      <h2 id="help-heading">Keys</h2>
      <dl>
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <h3>Signs</h3>
      <ul class="signs">
        {legend.map(([look, what]) => (
          <li key={look}>
            <VerdictMark verdict={look} isPlain /> <strong>{words[look]}</strong> {what}
          </li>
        ))}
      </ul>
      <p class="quiet">
        A cell shows the worst of all flows from the node of its row to that of its column, or of the one flow
        that is chosen.
      </p>
      <button type="button" onClick={close} autofocus>
        Close
      </button>
    </dialog>
  );
}
