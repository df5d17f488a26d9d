/** What an offline agent's listeners saw of its peers: all of it, because nobody will ask at the right moment. */
import type { Transport } from "../shared/names.ts";
import type { BundleContent } from "../shared/offline.ts";
import { formatPorts, readPorts, union } from "../shared/ports.ts";
import type { LookQuestion, SightingsMessage } from "../shared/wire.ts";

/** `testify` answers for the time since the start. */
export function seenByListeners(
  peers: readonly number[],
  listeners: readonly { transport: Transport; ports: string }[],
  testify: (questions: readonly LookQuestion[]) => SightingsMessage,
): Pick<BundleContent, "sightings" | "stalledMs"> {
  const held = Array.from(
    Map.groupBy(listeners, ({ transport }) => transport),
    ([transport, list]) => ({ transport, ports: joined(list.map(({ ports }) => ports)) }),
  );
  const questions = peers.flatMap((from) => held.map((each) => ({ from, ...each })));
  const { answers, stalledMs } = testify(questions);
  const sightings = questions
    .map(({ from, transport }, index) => ({ from, transport, ...answers[index]! }))
    .filter(({ saw, mute, absent }) => saw !== "" || mute !== "" || absent !== "");
  return { sightings, stalledMs };
}

function joined(texts: readonly string[]): string {
  return formatPorts(union(texts.map((text) => readPorts(text) ?? [])));
}
