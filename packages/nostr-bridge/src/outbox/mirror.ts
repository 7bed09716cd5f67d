import type { Cancel, Ports, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import { sql } from 'kysely';
import { within } from '../deadline.ts';
import { BridgeError } from '../errors.ts';
import type { BridgeFile } from '../store/bridge-file.ts';
import { prepare } from '../store/prepare.ts';
import type { Journal, JournalPage, MirrorPolicy } from './journal.ts';
import type { Outbox, Prepared } from './outbox.ts';

/** What a mirror is made of. */
export interface MirrorParts {
  readonly file: BridgeFile;
  readonly outbox: Outbox;
  readonly journal: Journal;
  readonly policy: MirrorPolicy;
  readonly ports: Ports;
  /** Events of one read. */
  readonly pageSize: number;
  /** For one read of the journal, in milliseconds. */
  readonly readMs: number;
  /** Between two rounds, in milliseconds. */
  readonly pollMs: number;
  /** Deliveries that may be pending: with more, nothing is read until some have gone. */
  readonly maxPending: number;
}

/** What a mirror did since it was made. */
export interface MirrorCounters {
  read: number;
  mirrored: number;
  skipped: number;
  /** Events that can never be built as the policy has them. They are passed over: a stream does not stand still for one. */
  refused: number;
  failures: number;
  /** Rounds that read nothing because too much was pending. */
  full: number;
}

/** An event on its way: prepared, or refused for good, or neither when it is not to leave. */
interface Step {
  readonly event: SyncEvent;
  readonly prepared?: Prepared | undefined;
  readonly refusal?: unknown;
}

/** What became of one. */
type Outcome =
  | { readonly type: 'skipped' | 'repeated' }
  | { readonly type: 'mirrored'; readonly relays: readonly string[] }
  | { readonly type: 'refused' | 'failed'; readonly error: unknown };

/** Reads the journal from its own place on and stores what is to leave. Its place moves with what it stored, a page at a time. */
export class Mirror {
  readonly counters: MirrorCounters = { read: 0, mirrored: 0, skipped: 0, refused: 0, failures: 0, full: 0 };
  lastFailure: BridgeError | undefined;
  readonly #parts: MirrorParts;
  readonly #statements: ReturnType<typeof mirrorStatements>;
  #cancel: Cancel = () => {};
  #isRunning = false;

  constructor(parts: MirrorParts) {
    this.#parts = parts;
    this.#statements = mirrorStatements(parts.file);
  }

  start(): void {
    this.#isRunning = true;
    void this.#loop();
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancel();
  }

  /** Where a stream has been read to. */
  position(stream_id: string): StreamPosition | undefined {
    const row = this.#parts.file.read('Reading a position', () => this.#statements.position.get(stream_id));
    return row === undefined ? undefined : { epoch: row.epoch, seq: BigInt(row.seq) };
  }

  /** Reads every stream to its end, or until too much is pending. A stream that fails does not hold the others. */
  async round(): Promise<void> {
    const { journal } = this.#parts;
    const streams = await this.#attempt('streams', () => journal.streams());
    for (const stream_id of streams ?? []) {
      try {
        while (await this.#page(stream_id));
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  async #loop(): Promise<void> {
    await this.round();
    if (!this.#isRunning) return;
    this.#cancel = this.#parts.ports.scheduler.after(this.#parts.pollMs, () => void this.#loop());
  }

  /** @returns whether there is more to read. */
  async #page(stream_id: string): Promise<boolean> {
    const { journal, pageSize, maxPending, file } = this.#parts;
    const pending = file.read('Counting', () => this.#statements.pending.get()?.number ?? 0);
    if (pending >= maxPending) {
      this.counters.full += 1;
      return false;
    }
    const after = this.position(stream_id);
    const page = await this.#attempt(stream_id, () => journal.read(stream_id, after, pageSize));
    if (page === undefined) return false;
    checkPage(stream_id, page, after?.epoch === page.epoch ? after.seq : 0n);
    await this.#events(page.events);
    return page.more && page.events.length > 0;
  }

  /** Stores a page in one transaction, up to the first event that may go well later. */
  async #events(events: readonly SyncEvent[]): Promise<void> {
    const steps: Step[] = [];
    const ids = new Set<string>();
    let failure: unknown;
    for (const event of events) {
      try {
        const prepared = await this.#prepare(event, ids);
        if (prepared !== undefined) ids.add(prepared.event.id);
        steps.push({ event, prepared });
      } catch (error) {
        if (!isPassedOver(error)) {
          failure = error;
          break;
        }
        steps.push({ event, refusal: error });
      }
    }
    const { file, outbox } = this.#parts;
    const outcomes = file.transaction('Mirroring', () => this.#store(steps));
    const told = new Set<string>();
    for (const outcome of outcomes) {
      if (outcome.type === 'failed') {
        failure = outcome.error;
        break;
      }
      this.counters.read += 1;
      if (outcome.type === 'refused') this.#fail(outcome.error);
      if (outcome.type !== 'repeated') this.counters[outcome.type] += 1;
      if (outcome.type === 'mirrored') for (const relay of outcome.relays) told.add(relay);
    }
    if (told.size > 0) outbox.tell([...told]);
    if (failure !== undefined) throw failure;
  }

  /** @returns undefined for an event that the policy lets not out. */
  async #prepare(event: SyncEvent, others: ReadonlySet<string>): Promise<Prepared | undefined> {
    const { outbox, policy } = this.#parts;
    const { stream_id, epoch, seq } = event;
    const outgoing = policy(event);
    return outgoing && outbox.prepare({ ...outgoing, key: `journal ${stream_id} ${epoch} ${seq}` }, others);
  }

  /** In a transaction: what fails for good is passed over, and at what may go well later it ends. */
  #store(steps: readonly Step[]): Outcome[] {
    const { file, outbox } = this.#parts;
    const outcomes: Outcome[] = [];
    for (const { event, prepared, refusal } of steps) {
      const { stream_id, epoch, seq } = event;
      const moveOn = () => void this.#statements.setPosition.run(stream_id, epoch, `${seq}`, epoch, `${seq}`);
      if (prepared === undefined) {
        moveOn();
        outcomes.push(refusal === undefined ? { type: 'skipped' } : { type: 'refused', error: refusal });
        continue;
      }
      try {
        const { isRepeated } = file.part('Storing an event', () => {
          const stored = outbox.store(prepared);
          moveOn();
          return stored;
        });
        outcomes.push(isRepeated ? { type: 'repeated' } : { type: 'mirrored', relays: prepared.relays });
      } catch (error) {
        if (!isPassedOver(error)) return [...outcomes, { type: 'failed', error }];
        moveOn();
        outcomes.push({ type: 'refused', error });
      }
    }
    return outcomes;
  }

  async #attempt<T>(what: string, call: () => T | Promise<T>): Promise<T | undefined> {
    const { ports, readMs } = this.#parts;
    const read = await within(ports.scheduler, readMs, call);
    if (read.outcome === 'done') return read.value;
    const cause = read.outcome === 'failed' ? read.cause : undefined;
    const said = read.outcome === 'late' ? `did not answer within ${readMs} ms` : 'failed';
    this.#fail(new BridgeError('journal_failed', `The journal ${said}: ${what}.`, { cause }));
    return undefined;
  }

  #fail(error: unknown): void {
    this.counters.failures += 1;
    this.lastFailure =
      error instanceof BridgeError ? error : new BridgeError('internal', 'The mirror failed.', { cause: error });
  }
}

const passedOver: ReadonlySet<string> = new Set(['invalid_event', 'invalid_option', 'idempotency_conflict']);

/** What may go well later is read again; what a person has to mend is not waited for. */
function isPassedOver(error: unknown): boolean {
  return !(error instanceof BridgeError) || passedOver.has(error.code);
}

function checkPage(stream_id: string, page: JournalPage, after: bigint): void {
  let last = after;
  for (const event of page.events) {
    if (event.stream_id !== stream_id || event.epoch !== page.epoch || event.seq <= last) {
      throw new BridgeError('journal_failed', `The journal gave ${event.stream_id} ${event.seq} after ${last}.`);
    }
    last = event.seq;
  }
}

function mirrorStatements({ sqlite, db }: BridgeFile) {
  return {
    position: prepare<[string], { epoch: string; seq: string }>(sqlite, (place) =>
      db.selectFrom('journal_positions').select(['epoch', 'seq']).where('stream_id', '=', place<string>()),
    ),
    setPosition: prepare<[stream_id: string, epoch: string, seq: string, epochAgain: string, seqAgain: string]>(
      sqlite,
      (place) =>
        db
          .insertInto('journal_positions')
          .values({ stream_id: place<string>(), epoch: place<string>(), seq: place<string>() })
          .onConflict((conflict) =>
            conflict.column('stream_id').doUpdateSet({ epoch: place<string>(), seq: place<string>() }),
          ),
    ),
    pending: prepare<[], { number: number }>(sqlite, () =>
      db
        .selectFrom('deliveries')
        .select((eb) => eb.fn.countAll<number>().as('number'))
        .where('state', 'in', [sql.lit('pending'), sql.lit('in-flight')] as never),
    ),
  };
}
