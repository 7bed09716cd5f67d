import type { Clock } from '@autopilot/sync-contract';
import { sql } from 'kysely';
import type { BridgeFile } from '../store/bridge-file.ts';
import { prepare } from '../store/prepare.ts';

/** Requests that are remembered: anybody may take back what nobody has seen. */
const mostRemembered = 1_000;

/**
 * Requests that were taken back before they came: a deletion may arrive by another relay, and sooner. Each is remembered
 * with who took it back, because only who asked may; of more than 1,000 the earliest are forgotten.
 */
export class TakenBack {
  readonly #file: BridgeFile;
  readonly #clock: Clock;
  readonly #statements: ReturnType<typeof takenBackStatements>;

  constructor(file: BridgeFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    this.#statements = takenBackStatements(file);
  }

  remember(request_id: string, customer: string): void {
    this.#file.transaction('Remembering what was taken back', () => {
      this.#statements.add.run(request_id, customer, Math.trunc(this.#clock.now()));
      const tooMany = (this.#statements.count.get()?.number ?? 0) - mostRemembered;
      if (tooMany > 0) this.#statements.forget.run(tooMany);
    });
  }

  has(request_id: string, customer: string): boolean {
    return this.#file.read(
      'Reading what was taken back',
      () => this.#statements.has.get(request_id, customer) !== undefined,
    );
  }
}

function takenBackStatements({ sqlite, db }: BridgeFile) {
  return {
    add: prepare<[id: string, customer: string, at: number]>(sqlite, (place) =>
      db
        .insertInto('taken_back')
        .values({ request_id: place<string>(), customer: place<string>(), at_ms: place<number>() })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    has: prepare<[id: string, customer: string], unknown>(sqlite, (place) =>
      db
        .selectFrom('taken_back')
        .select(sql.lit(1).as('one'))
        .where('request_id', '=', place<string>())
        .where('customer', '=', place<string>()),
    ),
    count: prepare<[], { number: number }>(sqlite, () =>
      db.selectFrom('taken_back').select((eb) => eb.fn.countAll<number>().as('number')),
    ),
    forget: prepare<[number: number]>(sqlite, (place) =>
      db
        .deleteFrom('taken_back')
        .where(
          sql`(request_id, customer)`,
          'in',
          sql`(select request_id, customer from taken_back order by at_ms limit ${place<number>()})`,
        ),
    ),
  };
}
