import type { BridgeFile } from '../store/bridge-file.ts';
import { prepare } from '../store/prepare.ts';

/** The latest version of an event that replaces those before it. */
export interface Kept {
  /** Kind, author and `d`, as in an `a` tag. */
  readonly coordinate: string;
  /** `withdrawn`: its latest version is its deletion. */
  readonly state: 'published' | 'withdrawn';
  /** Hash of what it says and of the relays that it went to. */
  readonly contents: string;
  /** Seconds since the Unix epoch. */
  readonly created_at: number;
  readonly published_at_ms: number;
  readonly event_id: string;
}

/** Which events that replace one another were published last. A row outlives its event in the outbox. */
export class KeptStore {
  readonly #file: BridgeFile;
  readonly #statements: ReturnType<typeof keptStatements>;

  constructor(file: BridgeFile) {
    this.#file = file;
    this.#statements = keptStatements(file);
  }

  /** Those of a kind and an author. */
  of(kind: number, pubkey: string): readonly Kept[] {
    return this.all().filter(({ coordinate }) => coordinate.startsWith(`${kind}:${pubkey}:`));
  }

  all(): readonly Kept[] {
    return this.#file.read('Reading what is announced', () => this.#statements.all.all());
  }

  put({ coordinate, state, contents, created_at, published_at_ms, event_id }: Kept): void {
    const values = [state, contents, created_at, published_at_ms, event_id] as const;
    this.#file.transaction('Writing what is announced', () => {
      this.#statements.put.run(coordinate, ...values, ...values);
    });
  }
}

type Values = [state: string, contents: string, created_at: number, at: number, id: string];

function keptStatements({ sqlite, db }: BridgeFile) {
  return {
    all: prepare<[], Kept>(sqlite, () => db.selectFrom('kept').selectAll().orderBy('coordinate') as never),
    put: prepare<[coordinate: string, ...Values, ...Values]>(sqlite, (place) => {
      const values = () => ({
        state: place<'published'>(),
        contents: place<string>(),
        created_at: place<number>(),
        published_at_ms: place<number>(),
        event_id: place<string>(),
      });
      return db
        .insertInto('kept')
        .values({ coordinate: place<string>(), ...values() })
        .onConflict((conflict) => conflict.column('coordinate').doUpdateSet(values()));
    }),
  };
}
