import type { Ports } from '@autopilot/sync-contract';
import { randomUuid } from '../issuer/random-id.ts';
import { repeat } from '../repeat.ts';
import type { Store } from '../store/open-store.ts';
import { storedNow } from '../store/stored-time.ts';

/** A time in which a replica listened. Milliseconds since the Unix epoch, by the clock of the machine. */
export interface ListeningPeriod {
  readonly from: number;
  readonly to: number;
}

/** What listening needs. Times are milliseconds. */
export interface ListeningOptions {
  readonly store: Store;
  readonly ports: Pick<Ports, 'clock' | 'random' | 'scheduler'>;
  /** How often it is noted down. Between two that are more than three times as far apart it did not listen. */
  readonly every: number;
  /** How much time of listening without a word makes a unit silent. */
  readonly silentAfter: number;
  /** However little was listened, a unit that was heard of longer ago than this is silent. */
  readonly bound: number;
  readonly failed: (error: unknown) => void;
}

/** When any replica listened to units: nobody is silent for not having been heard while nobody listened. */
export interface Listening {
  /** Notes down again and again that this replica listens. */
  start(): void;
  stop(): Promise<void>;
  /** Notes down that this replica listens. */
  note(): Promise<void>;
  /** Units that were heard of at or after this time are live. */
  liveSince(): Promise<number>;
  /** Forgets what no unit's age depends on any more. */
  forget(): Promise<void>;
}

/** Two notes that are no further apart than so many times their usual distance are of one period: it was only busy. */
const mostApart = 3;

/** Listening, as the replicas note it down in their store. */
export function createListening(options: ListeningOptions): Listening {
  const { every, silentAfter, bound, failed } = options;
  const { clock, random, scheduler } = options.ports;
  const { db } = options.store;
  /** The period that this process is in. Another process begins its own: what lies between them was heard by neither. */
  let period: (ListeningPeriod & { readonly id: string }) | undefined;
  let noting = Promise.resolve();
  let cancel = () => {};

  async function liveSince(): Promise<number> {
    const now = storedNow(clock);
    const rows = await db.selectFrom('cutover_listening').select(['from_at', 'to_at']).execute();
    const since = listenedSince(
      rows.map((row) => ({ from: row.from_at, to: row.to_at })),
      silentAfter,
      now,
    );
    return Math.max(since, now - silentAfter - bound);
  }

  async function note(): Promise<void> {
    const now = storedNow(clock);
    const last = period;
    const lasts = last !== undefined && now >= last.to && now - last.to <= every * mostApart;
    const next = lasts ? { ...last, to: now } : { id: randomUuid(random), from: now, to: now };
    await db
      .insertInto('cutover_listening')
      .values({ id: next.id, from_at: next.from, to_at: next.to })
      .onConflict((c) => c.column('id').doUpdateSet((e) => ({ to_at: e.ref('excluded.to_at') })))
      .execute();
    period = next;
  }

  function noteSafely(): Promise<void> {
    noting = note().catch(failed);
    return noting;
  }

  return {
    start() {
      void noteSafely();
      cancel = repeat(scheduler, every, noteSafely, failed);
    },
    async stop() {
      cancel();
      await noting;
    },
    note,
    liveSince,
    async forget() {
      await db
        .deleteFrom('cutover_listening')
        .where('to_at', '<', await liveSince())
        .execute();
    },
  };
}

/** The latest time since which `milliseconds` were listened, by any replica, up to now; minus infinity for never. */
export function listenedSince(periods: readonly ListeningPeriod[], milliseconds: number, now: number): number {
  let missing = milliseconds;
  // Everything from here on has been looked at.
  let edge = now;
  for (const { from, to } of [...periods].sort((a, b) => b.to - a.to)) {
    const end = Math.min(to, edge);
    if (from >= end) continue;
    if (end - from >= missing) return end - missing;
    missing -= end - from;
    edge = from;
  }
  return Number.NEGATIVE_INFINITY;
}
