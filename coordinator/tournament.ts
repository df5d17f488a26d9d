/**
 * Who meets whom and when, so that every pair has both its nodes to itself: the circle method of round-robin
 * tournaments. One stays where it is, all others go around it by one seat a turn, and who sit opposite meet.
 */

export type Match = readonly [a: number, b: number];

/** Turns of all pairs of `players`: each pair meets once, and nobody twice in a turn. An odd player rests. */
export function turnsOf(players: readonly number[]): Match[][] {
  const seats: (number | undefined)[] = players.length % 2 === 0 ? [...players] : [...players, undefined];
  return Array.from({ length: Math.max(0, seats.length - 1) }, () => {
    const turn: Match[] = [];
    for (let left = 0; left < seats.length / 2; left++) {
      const [a, b] = [seats[left], seats[seats.length - 1 - left]];
      if (a !== undefined && b !== undefined) turn.push([a, b]);
    }
    seats.splice(1, 0, seats.pop());
    return turn;
  });
}

/** Turns of those pairs alone that somebody asks for; a pair is the same both ways. */
export function turnsFor(pairs: readonly Match[]): Match[][] {
  const wanted = new Set(pairs.map(keyOf));
  const players = [...new Set(pairs.flat())];
  return turnsOf(players)
    .map((turn) => turn.filter((match) => wanted.has(keyOf(match))))
    .filter((turn) => turn.length > 0);
}

function keyOf([a, b]: Match): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
