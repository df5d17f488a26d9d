/** Keys that work everywhere on the page, but not while something is typed. */
import { focused } from "../matrix/focus.ts";
import { failureFrom } from "../matrix/walk.ts";
import { look, picture } from "../store.ts";
import { isHelpOpen } from "./help.tsx";

export function onShortcut(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/") document.querySelector<HTMLInputElement>("#find-node")?.focus();
  else if (event.key === "?") isHelpOpen.value = true;
  else if (event.key === "," || event.key === ".")
    document.querySelector<HTMLElement>(event.key === "," ? "#change-before" : "#change-after")?.click();
  else if (event.key === "[" || event.key === "]") {
    if (event.defaultPrevented || picture.value === undefined) return;
    look({ tab: "matrix" });
    const next = failureFrom(focused.value, event.key === "]" ? 1 : -1, picture.value.slots);
    if (next !== undefined) focused.value = next;
    document.querySelector<HTMLElement>(".matrix-frame")?.focus();
  } else return;
  event.preventDefault();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLSelectElement ||
    target instanceof HTMLTextAreaElement
  );
}
