import { sql } from 'kysely';
import { BridgeError } from '../errors.ts';
import type { BridgeFile } from '../store/bridge-file.ts';
import { prepare } from '../store/prepare.ts';

/** `too-old`: from before what is remembered. `full`: nothing can be remembered of it. */
export type Seen = 'new' | 'duplicate' | 'too-old' | 'full';

const floorName = 'seen_floor_hour';
/** Forgotten with each id that is remembered, so that no single call is long. */
const forgottenAtOnce = 50;

/**
 * The ids of events that were verified and taken, in the file. At most `most` of them: the oldest hours of created_at are
 * forgotten as wholes, and then nothing of those hours is ever taken again, so that what was forgotten cannot come back
 * as new.
 */
export class SeenSet {
  readonly #file: BridgeFile;
  readonly #most: number;
  readonly #statements: ReturnType<typeof seenStatements>;
  #size: number;
  #floor: number;

  /** @param most At least 1,000. */
  constructor(file: BridgeFile, most: number) {
    if (!Number.isSafeInteger(most) || most < 1_000) {
      throw new BridgeError('invalid_option', 'A seen-set remembers at least 1,000 ids.');
    }
    this.#file = file;
    this.#most = most;
    this.#statements = seenStatements(file);
    this.#size = file.read('Counting ids', () => this.#statements.count.get()?.number ?? 0);
    this.#floor = file.read('Reading the floor', () => this.#statements.floor.get(floorName)?.value ?? 0);
  }

  get size(): number {
    return this.#size;
  }

  /** Seconds since the Unix epoch: nothing with an earlier created_at is taken. */
  get floor(): number {
    return this.#floor * 3_600;
  }

  /** Remembers an id, in the transaction that runs: when that is rolled back, call `reload`. */
  add(id: string, created_at: number): Seen {
    const hour = Math.floor(created_at / 3_600);
    if (hour < this.#floor) return 'too-old';
    const key = Buffer.from(id, 'hex');
    if (this.#statements.has.get(key) !== undefined) return 'duplicate';
    if (this.#size >= this.#most) this.#makeRoom(hour);
    if (this.#size >= this.#most) return 'full';
    if (hour < this.#floor) return 'too-old';
    this.#statements.add.run(key, hour);
    this.#size += 1;
    return 'new';
  }

  /** After a transaction that was rolled back: what is remembered is what the file has. */
  reload(): void {
    this.#size = this.#file.read('Counting ids', () => this.#statements.count.get()?.number ?? 0);
    this.#floor = this.#file.read('Reading the floor', () => this.#statements.floor.get(floorName)?.value ?? 0);
  }

  #makeRoom(hour: number): void {
    const oldest = this.#statements.oldest.get()?.hour ?? hour;
    // The only hour there is must not be forgotten: then everything of now would be refused.
    if (oldest >= this.#floor && oldest < hour) {
      this.#floor = oldest + 1;
      this.#statements.setFloor.run(floorName, this.#floor, this.#floor);
    }
    this.#size -= this.#statements.forget.run(this.#floor, forgottenAtOnce).changes;
  }
}

function seenStatements({ sqlite, db }: BridgeFile) {
  return {
    has: prepare<[Buffer], unknown>(sqlite, (place) =>
      db.selectFrom('seen').select(sql.lit(1).as('one')).where('id', '=', place<Uint8Array>()),
    ),
    add: prepare<[Buffer, number]>(sqlite, (place) =>
      db.insertInto('seen').values({ id: place<Uint8Array>(), hour: place<number>() }),
    ),
    count: prepare<[], { number: number }>(sqlite, () =>
      db.selectFrom('seen').select((eb) => eb.fn.countAll<number>().as('number')),
    ),
    oldest: prepare<[], { hour: number | null }>(sqlite, () =>
      db.selectFrom('seen').select((eb) => eb.fn.min('hour').as('hour')),
    ),
    forget: prepare<[before: number, limit: number]>(sqlite, (place) =>
      db.deleteFrom('seen').where('id', 'in', (eb) =>
        eb
          .selectFrom('seen')
          .select('id')
          .where('hour', '<', place<number>())
          .limit(place<number>() as never),
      ),
    ),
    floor: prepare<[string], { value: number }>(sqlite, (place) =>
      db.selectFrom('settings').select('value').where('name', '=', place<string>()),
    ),
    setFloor: prepare<[name: string, value: number, again: number]>(sqlite, (place) =>
      db
        .insertInto('settings')
        .values({ name: place<string>(), value: place<number>() })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: place<number>() })),
    ),
  };
}
