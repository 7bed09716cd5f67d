import type { Clock } from '@autopilot/sync-contract';
import type { BridgeFile } from '../store/bridge-file.ts';
import { prepare } from '../store/prepare.ts';
import type { JobAmount } from './job-tags.ts';

/** What a provider asks for a job that names no provider. */
export interface Quote extends JobAmount {
  readonly request_id: string;
  readonly provider: string;
  readonly detail: string;
  /** Milliseconds since the Unix epoch. */
  readonly at_ms: number;
}

/** Quotes of one job: anybody may give one. */
const mostQuotes = 16;

/** The latest quote of each provider for the jobs of a customer, at most 16 providers a job, those who came first. */
export class QuoteStore {
  readonly #file: BridgeFile;
  readonly #clock: Clock;
  readonly #statements: ReturnType<typeof quoteStatements>;

  constructor(file: BridgeFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    this.#statements = quoteStatements(file);
  }

  /** @returns false when the job has as many quotes as it may. */
  put(request_id: string, provider: string, detail: string, { amount_msat, bolt11 }: JobAmount): boolean {
    return this.#file.transaction('Writing a quote', () => {
      const known = this.of(request_id);
      if (known.length >= mostQuotes && !known.some((quote) => quote.provider === provider)) return false;
      const values = [detail, amount_msat ?? null, bolt11 ?? null, Math.trunc(this.#clock.now())] as const;
      this.#statements.put.run(request_id, provider, ...values, ...values);
      return true;
    });
  }

  /** In the order of their providers' keys. */
  of(request_id: string): readonly Quote[] {
    return this.#file
      .read('Reading quotes', () => this.#statements.of.all(request_id))
      .map(({ amount_msat, bolt11, ...row }) => ({
        ...row,
        ...(amount_msat === null ? {} : { amount_msat }),
        ...(bolt11 === null ? {} : { bolt11 }),
      }));
  }
}

type Values = [detail: string, amount: number | null, bolt11: string | null, at: number];

interface QuoteRow {
  request_id: string;
  provider: string;
  detail: string;
  amount_msat: number | null;
  bolt11: string | null;
  at_ms: number;
}

function quoteStatements({ sqlite, db }: BridgeFile) {
  return {
    of: prepare<[string], QuoteRow>(
      sqlite,
      (place) =>
        db.selectFrom('quotes').selectAll().where('request_id', '=', place<string>()).orderBy('provider') as never,
    ),
    put: prepare<[id: string, provider: string, ...Values, ...Values]>(sqlite, (place) => {
      const values = () => ({
        detail: place<string>(),
        amount_msat: place<number>(),
        bolt11: place<string>(),
        at_ms: place<number>(),
      });
      return db
        .insertInto('quotes')
        .values({ request_id: place<string>(), provider: place<string>(), ...values() })
        .onConflict((conflict) => conflict.columns(['request_id', 'provider']).doUpdateSet(values()));
    }),
  };
}
