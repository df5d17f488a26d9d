import t from "tap";
import { turnsFor, turnsOf, type Match } from "../../coordinator/tournament.ts";

const keyOf = (match: Match): string => match.toSorted((a, b) => a - b).join("-");

t.test("every pair meets once, and nobody twice in a turn", (t) => {
  for (let count = 0; count <= 41; count++) {
    const players = Array.from({ length: count }, (_, index) => 3 * index + 1);
    const turns = turnsOf(players);
    t.equal(turns.length, count === 0 ? 0 : count % 2 === 0 ? count - 1 : count, `turns of ${count}`);
    for (const turn of turns) t.equal(new Set(turn.flat()).size, 2 * turn.length);
    const met = turns.flat().map(keyOf);
    t.equal(met.length, (count * (count - 1)) / 2);
    t.equal(new Set(met).size, met.length);
    t.ok(turns.flat(2).every((player) => players.includes(player)));
  }
  t.end();
});

t.test("only pairs that are asked for meet, each once, whichever way round they are named", (t) => {
  const asked: Match[] = [
    [1, 2],
    [2, 1],
    [5, 1],
    [7, 2],
    [7, 9],
  ];
  const turns = turnsFor(asked);
  t.strictSame(turns.flat().map(keyOf).toSorted(), ["1-2", "1-5", "2-7", "7-9"]);
  for (const turn of turns) {
    t.ok(turn.length > 0);
    t.equal(new Set(turn.flat()).size, 2 * turn.length);
  }
  t.strictSame(turnsFor([]), []);
  t.end();
});
