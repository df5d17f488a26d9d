/** A command to be run somewhere, with a button that copies it. */
import { useSignal } from "@preact/signals";

const shownMs = 1_500;

export function Copied({ text, label }: { text: string; label: string }) {
  const said = useSignal("Copy");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = "Copied";
    } catch {
      // Plain HTTP from elsewhere has no clipboard; the text can still be marked by hand.
      said.value = "Mark and copy";
    }
    setTimeout(() => (said.value = "Copy"), shownMs);
  };
  return (
    <div class="command">
      <span>{label}:</span>
      <code>{text}</code>
      <button type="button" onClick={() => void copy()} aria-live="polite">
        {said.value}
      </button>
    </div>
  );
}
