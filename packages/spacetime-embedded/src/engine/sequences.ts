import type { SequenceSchema, TableSchema } from './module-schema.ts';
import type { RawSequence } from './raw-module.ts';

/** Values are reserved in blocks: what of a block was not used is skipped after a restart. */
const sequenceBlock = 4096;

/** Where a sequence begins and within what it stays: what the module says, or upstream's defaults. */
export function sequenceRange(raw: RawSequence): {
  readonly min: bigint;
  readonly max: bigint;
  readonly start: bigint;
} {
  const min = raw.min ?? 1n;
  const max = raw.max ?? 2n ** 127n - 1n;
  return { min, max, start: raw.start ?? (raw.increment > 0n ? min : max) };
}

interface State {
  readonly schema: SequenceSchema;
  /** The next value to give out. */
  next: bigint;
  /** How many values of the reserved block are left. */
  left: number;
  /** Where the next block begins: this is what the log keeps. */
  reserved: bigint;
}

/** All auto-increment counters. They stand outside of transactions: a rollback gives nothing back. */
export class Sequences {
  readonly #states = new Map<SequenceSchema, State>();
  readonly #byName = new Map<string, State>();
  /** Counters whose reservation the log does not know yet. */
  readonly #unlogged = new Set<State>();

  constructor(tables: readonly TableSchema[]) {
    for (const schema of tables.flatMap((table) => table.sequences)) {
      const state: State = { schema, next: schema.start, left: 0, reserved: schema.start };
      this.#states.set(schema, state);
      this.#byName.set(schema.name, state);
    }
  }

  next(schema: SequenceSchema): bigint {
    const state = this.#states.get(schema);
    if (state === undefined) throw new Error(`unknown sequence ${schema.name}`);
    if (state.left === 0) {
      state.left = sequenceBlock;
      state.reserved = step(schema, state.next, sequenceBlock);
      this.#unlogged.add(state);
    }
    const value = state.next;
    state.next = step(schema, value, 1);
    state.left -= 1;
    return value;
  }

  /** Reservations since the last call, for the log. */
  takeUnlogged(): { readonly name: string; readonly reserved: bigint }[] {
    const out = [...this.#unlogged].map(({ schema, reserved }) => ({ name: schema.name, reserved }));
    this.#unlogged.clear();
    return out;
  }

  /** All reservations, for a snapshot. */
  all(): { readonly name: string; readonly reserved: bigint }[] {
    return [...this.#byName].map(([name, { reserved }]) => ({ name, reserved }));
  }

  /** Where all of them stand, for who goes on in the same process: no value is skipped. */
  exact(): { readonly name: string; readonly reserved: bigint }[] {
    return [...this.#byName].map(([name, { next }]) => ({ name, reserved: next }));
  }

  /** Continues behind a reservation that the log knows. */
  restore(name: string, reserved: bigint): void {
    const state = this.#byName.get(name);
    if (state === undefined) return;
    state.next = reserved;
    state.reserved = reserved;
    state.left = 0;
  }
}

/** The value after `count` steps, wrapping within the range of the sequence. */
function step({ min, max, increment }: SequenceSchema, from: bigint, count: number): bigint {
  const span = max - min + 1n;
  const moved = (from - min + increment * BigInt(count)) % span;
  return min + (moved < 0n ? moved + span : moved);
}
