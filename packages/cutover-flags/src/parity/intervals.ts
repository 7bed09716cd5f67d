/** Inclusive ranges of whole numbers, sorted and apart. Bounded: what does not fit is forgotten, lowest first. */
export class Intervals {
  readonly #most: number;
  readonly #ranges: [number, number][] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get empty(): boolean {
    return this.#ranges.length === 0;
  }

  has(value: number): boolean {
    return this.#ranges.some(([from, to]) => from <= value && value <= to);
  }

  /** Adds a range above every other one. */
  push(from: number, to: number): void {
    this.#ranges.push([from, to]);
    if (this.#ranges.length > this.#most) this.#ranges.shift();
  }

  /** Takes one value out; false when it was not in. */
  take(value: number): boolean {
    const index = this.#ranges.findIndex(([from, to]) => from <= value && value <= to);
    const range = this.#ranges[index];
    if (range === undefined) return false;
    const [from, to] = range;
    const rest: [number, number][] = [];
    if (from < value) rest.push([from, value - 1]);
    if (value < to) rest.push([value + 1, to]);
    this.#ranges.splice(index, 1, ...rest);
    return true;
  }

  /** The end of the range that holds a value; undefined when none does. */
  endOf(value: number): number | undefined {
    return this.#ranges.find(([from, to]) => from <= value && value <= to)?.[1];
  }

  /** How many values from `from` to `to` are in both. */
  static shared(a: Intervals, b: Intervals, from: number, to: number): number {
    let count = 0;
    for (const [aFrom, aTo] of a.#ranges) {
      for (const [bFrom, bTo] of b.#ranges) {
        count += Math.max(0, Math.min(aTo, bTo, to) - Math.max(aFrom, bFrom, from) + 1);
      }
    }
    return count;
  }
}
