import type { Clock } from '@autopilot/sync-contract';
import { sql } from 'kysely';
import type { NostrEvent } from '../event/event.ts';
import type { BridgeFile } from '../store/bridge-file.ts';
import { prepare } from '../store/prepare.ts';
import { type JobInput, type JobState, jobStates, jobTransitions, openJobStates } from './job-states.ts';
import type { JobAmount } from './job-tags.ts';
import { TakenBack } from './taken-back.ts';

/** Which side of a job this bridge is. */
export type JobRole = 'customer' | 'provider';

/** A job as it is stored. Times in milliseconds since the Unix epoch. */
export interface Job extends JobAmount {
  readonly role: JobRole;
  readonly request_id: string;
  readonly state: JobState;
  /** 1, and one more with every move. */
  readonly version: number;
  readonly customer: string;
  /** Empty in the job of a customer that named nobody, until somebody is bound to it. */
  readonly provider: string;
  readonly request: NostrEvent;
  /** The last text that was said about it: quote, progress, result or error. */
  readonly detail: string;
  readonly expires_at_ms: number;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
}

/** What comes with a move. */
export interface JobMove extends JobAmount {
  readonly detail?: string;
  /** Binds the job to this provider. */
  readonly provider?: string;
}

/** The durable part of the jobs. Every call is one transaction, or part of the one that runs. */
export class JobStore {
  readonly takenBack: TakenBack;
  readonly #file: BridgeFile;
  readonly #clock: Clock;
  readonly #statements: ReturnType<typeof jobStatements>;

  constructor(file: BridgeFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    this.#statements = jobStatements(file);
    this.takenBack = new TakenBack(file, clock);
  }

  get(role: JobRole, request_id: string): Job | undefined {
    const row = this.#file.read('Reading a job', () => this.#statements.get.get(role, request_id));
    return row === undefined ? undefined : toJob(row);
  }

  /** Stores a job once per role and request. @returns whether it is new. */
  add(role: JobRole, request: NostrEvent, provider: string, expires_at_ms: number): boolean {
    return this.#file.transaction('Storing a job', () => {
      const now = this.#now();
      const body = JSON.stringify(request);
      const { id, kind, pubkey } = request;
      return this.#statements.add.run(role, id, kind, pubkey, provider, body, expires_at_ms, now, now).changes > 0;
    });
  }

  /** Moves a job along the table. @returns undefined where there is no such job or move: then nothing changed. */
  move(role: JobRole, request_id: string, input: JobInput, move: JobMove = {}): Job | undefined {
    return this.#file.transaction('Moving a job', () => {
      const job = this.get(role, request_id);
      const to = job === undefined ? undefined : jobTransitions[job.state][input];
      if (job === undefined || to === undefined) return undefined;
      const { detail = job.detail, amount_msat = job.amount_msat, bolt11 = job.bolt11, provider = job.provider } = move;
      const amount = amount_msat ?? null;
      const said = [provider, detail, amount, bolt11 ?? null] as const;
      this.#statements.move.run(to, job.version + 1, ...said, this.#now(), role, request_id);
      return this.get(role, request_id);
    });
  }

  /** At most `limit` jobs in a state, the oldest first. */
  list(state: JobState, limit: number): readonly Job[] {
    return this.#file.read('Listing jobs', () => this.#statements.list.all(state, limit)).map(toJob);
  }

  /** Jobs of a role that have not ended. */
  openCount(role: JobRole): number {
    return this.#file.read('Counting jobs', () => this.#statements.openCount.get(role)?.number ?? 0);
  }

  /** Jobs per role and state. */
  counts(): readonly { readonly role: JobRole; readonly state: JobState; readonly number: number }[] {
    return this.#file.read('Counting jobs', () => this.#statements.counts.all());
  }

  /**
   * Removes at most `limit` jobs that ended more than `keepMs` ago and whose time has come: a request that comes again is
   * too old then. @returns how many.
   */
  remove(keepMs: number, limit: number): number {
    return this.#file.transaction('Removing jobs', () => {
      const rows = this.#statements.removable.all(this.#now(), this.#now() - keepMs, limit);
      for (const { role, request_id } of rows) {
        this.#statements.remove.run(role, request_id);
        if (role === 'customer') this.#statements.removeQuotes.run(request_id);
      }
      return rows.length;
    });
  }

  /** Ends at most `limit` jobs whose time has come, of a role or of both. @returns those. */
  expire(limit: number, role?: JobRole): readonly Job[] {
    return this.#file.transaction('Ending jobs', () =>
      this.#statements.over
        .all(this.#now(), role ?? null, limit)
        .flatMap((row) => this.move(row.role as JobRole, row.request_id, 'expire') ?? []),
    );
  }

  #now(): number {
    return Math.trunc(this.#clock.now());
  }
}

interface JobRow {
  role: string;
  request_id: string;
  state: string;
  version: number;
  customer: string;
  provider: string;
  request: string;
  detail: string;
  amount_msat: number | null;
  bolt11: string | null;
  expires_at_ms: number;
  created_at_ms: number;
  updated_at_ms: number;
}

function toJob({ amount_msat, bolt11, request, role, state, ...row }: JobRow): Job {
  return {
    ...row,
    role: role as JobRole,
    state: state as JobState,
    request: JSON.parse(request) as NostrEvent,
    ...(amount_msat === null ? {} : { amount_msat }),
    ...(bolt11 === null ? {} : { bolt11 }),
  };
}

function jobStatements({ sqlite, db }: BridgeFile) {
  const jobs = db
    .selectFrom('jobs')
    .select([
      'role',
      'request_id',
      'state',
      'version',
      'customer',
      'provider',
      'request',
      'detail',
      'amount_msat',
      'bolt11',
      'expires_at_ms',
      'created_at_ms',
      'updated_at_ms',
    ]);
  const open = openJobStates.map((state) => sql.lit(state)) as never;
  const ended = jobStates.filter((state) => !openJobStates.includes(state)).map((state) => sql.lit(state)) as never;
  return {
    get: prepare<[role: string, id: string], JobRow>(sqlite, (place) =>
      jobs.where('role', '=', place<string>()).where('request_id', '=', place<string>()),
    ),
    list: prepare<[state: string, limit: number], JobRow>(sqlite, (place) =>
      jobs
        .where('state', '=', place<string>())
        .orderBy('created_at_ms')
        .orderBy('request_id')
        .limit(place<number>() as never),
    ),
    counts: prepare<[], { role: JobRole; state: JobState; number: number }>(
      sqlite,
      () =>
        db
          .selectFrom('jobs')
          .select((eb) => ['role', 'state', eb.fn.countAll<number>().as('number')])
          .groupBy(['role', 'state'])
          .orderBy('role')
          .orderBy('state') as never,
    ),
    openCount: prepare<[role: string], { number: number }>(sqlite, (place) =>
      db
        .selectFrom('jobs')
        .select((eb) => eb.fn.countAll<number>().as('number'))
        .where('state', 'in', open)
        // The plus keeps SQLite from the index by role, which holds those that ended as well.
        .where(sql<string>`+role`, '=', place<string>()),
    ),
    removable: prepare<[now: number, before: number, limit: number], { role: string; request_id: string }>(
      sqlite,
      (place) =>
        db
          .selectFrom('jobs')
          .select(['role', 'request_id'])
          .where('state', 'in', ended)
          .where('expires_at_ms', '<=', place<number>())
          .where('updated_at_ms', '<=', place<number>())
          .limit(place<number>() as never),
    ),
    remove: prepare<[role: string, id: string]>(sqlite, (place) =>
      db.deleteFrom('jobs').where('role', '=', place<string>()).where('request_id', '=', place<string>()),
    ),
    removeQuotes: prepare<[id: string]>(sqlite, (place) =>
      db.deleteFrom('quotes').where('request_id', '=', place<string>()),
    ),
    over: prepare<[now: number, role: string | null, limit: number], { role: string; request_id: string }>(
      sqlite,
      (place) =>
        db
          .selectFrom('jobs')
          .select(['role', 'request_id'])
          .where('state', 'in', open)
          .where('expires_at_ms', '<=', place<number>())
          .where(sql<string>`coalesce(${place<string>()}, role)`, '=', sql.ref<string>('role'))
          .limit(place<number>() as never),
    ),
    add: prepare<
      [
        role: string,
        id: string,
        kind: number,
        customer: string,
        provider: string,
        request: string,
        expires: number,
        created: number,
        updated: number,
      ]
    >(sqlite, (place) =>
      db
        .insertInto('jobs')
        .values({
          role: place<string>(),
          request_id: place<string>(),
          state: sql.lit('offered'),
          version: sql.lit(1),
          kind: place<number>(),
          customer: place<string>(),
          provider: place<string>(),
          request: place<string>(),
          detail: sql.lit(''),
          expires_at_ms: place<number>(),
          created_at_ms: place<number>(),
          updated_at_ms: place<number>(),
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    move: prepare<
      [
        state: string,
        version: number,
        provider: string,
        detail: string,
        amount: number | null,
        bolt11: string | null,
        at: number,
        role: string,
        id: string,
      ]
    >(sqlite, (place) =>
      db
        .updateTable('jobs')
        .set({
          state: place<string>(),
          version: place<number>(),
          provider: place<string>(),
          detail: place<string>(),
          amount_msat: place<number>(),
          bolt11: place<string>(),
          updated_at_ms: place<number>(),
        })
        .where('role', '=', place<string>())
        .where('request_id', '=', place<string>()),
    ),
  };
}
