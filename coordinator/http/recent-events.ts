/** What was told last, for clients that come back: each is named by the life of this process and its place in it. */
interface Told {
  serial: number;
  text: string;
}

export class RecentEvents {
  readonly #life: string;
  readonly #limits: { events: number; characters: number };
  readonly #told: Told[] = [];
  #characters = 0;
  #serial = 0;

  /** @param life differs from that of every other process. */
  constructor(life: string, limits: { events: number; characters: number }) {
    this.#life = life;
    this.#limits = limits;
  }

  /** The name of the last one. */
  get last(): string {
    return `${this.#life}-${this.#serial}`;
  }

  /** @param body of a message as server-sent events have it, without its id. @returns it with its id. */
  add(body: string): string {
    this.#serial++;
    const text = `id: ${this.last}\n${body}`;
    this.#told.push({ serial: this.#serial, text });
    this.#characters += text.length;
    while (this.#told.length > this.#limits.events || this.#characters > this.#limits.characters)
      this.#characters -= this.#told.shift()!.text.length;
    return text;
  }

  /** All that followed the one of that name; undefined where that is not known any more. */
  since(name: string): string[] | undefined {
    const place = name.lastIndexOf("-");
    const digits = name.slice(place + 1);
    if (name.slice(0, Math.max(0, place)) !== this.#life || !/^[0-9]{1,15}$/.test(digits)) return undefined;
    const serial = Number(digits);
    const first = this.#serial - this.#told.length;
    if (serial < first || serial > this.#serial) return undefined;
    return this.#told.slice(serial - first).map(({ text }) => text);
  }
}
