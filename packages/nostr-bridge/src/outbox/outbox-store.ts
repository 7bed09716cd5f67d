import { hash } from 'node:crypto';
import type { Clock } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import type { NostrEvent, UnsignedEvent } from '../event/event.ts';
import type { BridgeFile } from '../store/bridge-file.ts';
import { type DeliveryInput, type DeliveryState, deliveryTransitions } from './delivery-states.ts';
import { outboxStatements } from './outbox-statements.ts';
import { checkQuorum, judgeQuorum, type QuorumPolicy, type Standing } from './quorum.ts';

/** An event that is stored, with what its owner calls it. */
export interface Enqueued {
  readonly event: NostrEvent;
  /** Whether it was stored before. */
  readonly isRepeated: boolean;
}

/** One delivery, as it is shown. Times in milliseconds since the Unix epoch. */
export interface DeliveryRow {
  readonly event_id: string;
  readonly key: string;
  readonly relay: string;
  readonly state: DeliveryState;
  readonly tries: number;
  readonly next_at_ms: number;
  readonly since_ms: number;
  readonly reason: string;
  readonly message: string;
}

/** What a delivery is moved by. */
export interface DeliveryMove {
  readonly event_id: string;
  readonly relay: string;
  readonly input: DeliveryInput;
  readonly reason: string;
  readonly message?: string;
  /** With `retry`: not tried before. */
  readonly next_at_ms?: number;
}

/** What a move changed. */
export interface Moved {
  readonly from: DeliveryState;
  readonly to: DeliveryState;
  /** How the event stands now, and whether that is new. */
  readonly standing: Standing;
  readonly isNewStanding: boolean;
}

/** A delivery that was given up for its age. */
export interface Expired extends Moved {
  readonly event_id: string;
  readonly relay: string;
}

/** A delivery that is to be made now. */
export interface Claimed {
  readonly event: NostrEvent;
  /** This one included. */
  readonly tries: number;
}

/** What a relay can be sent. */
export interface DueNow {
  readonly claimed: readonly Claimed[];
  /** Where there was room for more: when the next one is due; not set when none is pending. */
  readonly nextDueAt?: number | undefined;
}

/** The durable part of the outbox. Every call is one transaction, or part of the one that runs. */
export class OutboxStore {
  readonly #file: BridgeFile;
  readonly #clock: Clock;
  readonly #statements: ReturnType<typeof outboxStatements>;

  constructor(file: BridgeFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    this.#statements = outboxStatements(file);
  }

  /** The event of a key. @throws {BridgeError} `idempotency_conflict` when it says something else than `same`. */
  byKey(key: string, same?: UnsignedEvent): NostrEvent | undefined {
    return this.#file.read('Reading an event', () => {
      const found = this.#statements.eventByKey.get(key);
      if (found === undefined) return undefined;
      if (same !== undefined && found.contents !== contentsOf(same)) {
        throw new BridgeError('idempotency_conflict', `The key "${key}" names an event with other contents.`);
      }
      return JSON.parse(found.body) as NostrEvent;
    });
  }

  /** Stores a signed event once per key, with a delivery for each relay. */
  add(key: string, event: NostrEvent, relays: readonly string[], quorum: QuorumPolicy): Enqueued {
    checkQuorum(quorum, relays);
    return this.#file.transaction('Storing an event', () => {
      const stored = this.byKey(key, event);
      if (stored !== undefined) return { event: stored, isRepeated: true };
      const { eventById, insertEvent, insertDelivery } = this.#statements;
      const twin = eventById.get(event.id);
      if (twin !== undefined) {
        const message = `"${twin.key}" is this very event: give "${key}" a tag that tells the two apart.`;
        throw new BridgeError('idempotency_conflict', message);
      }
      const now = this.#now();
      insertEvent.run(event.id, key, contentsOf(event), JSON.stringify(event), JSON.stringify(quorum), now);
      for (const relay of relays) insertDelivery.run(event.id, relay, now, now, now);
      return { event, isRepeated: false };
    });
  }

  /** Takes the next delivery of a relay that is due, and makes it in flight before anything is sent. */
  claim(relay: string): Claimed | undefined {
    return this.claimSome(relay, 1)[0];
  }

  /** Takes at most so many at once, in the order in which they are due. */
  claimSome(relay: string, most: number): readonly Claimed[] {
    if (most < 1) return [];
    return this.#file.transaction('Claiming deliveries', () =>
      this.#statements.nextDue.all(relay, this.#now(), most).map(({ event_id, tries, body }) => {
        this.move({ event_id, relay, input: 'claim', reason: '' });
        return { event: JSON.parse(body) as NostrEvent, tries: tries + 1 };
      }),
    );
  }

  /** Claims in the transaction of this turn. `most` is asked when it runs. */
  claimSoon(relay: string, most: () => number): Promise<DueNow> {
    return this.#file.together('Claiming deliveries', () => {
      const room = most();
      const claimed = this.claimSome(relay, room);
      return claimed.length < room ? { claimed, nextDueAt: this.nextDueAt(relay) } : { claimed };
    });
  }

  /** Milliseconds since the Unix epoch at which a relay's next delivery is due; undefined when none is pending. */
  nextDueAt(relay: string): number | undefined {
    return this.#file.read('Reading the outbox', () => this.#statements.earliest.get(relay)?.next_at_ms ?? undefined);
  }

  /** Moves a delivery along the table. @returns undefined where the table has no such move: then nothing changed. */
  move(move: DeliveryMove): Moved | undefined {
    return this.#file.transaction('Moving a delivery', () => {
      const row = this.#statements.delivery.get(move.event_id, move.relay);
      if (row === undefined) return undefined;
      const to = deliveryTransitions[row.state][move.input];
      if (to === undefined) return undefined;
      // A relay may speak of an event only once it was sent to it.
      if ((move.input === 'accept' || move.input === 'reject') && row.tries === 0) return undefined;
      const now = this.#now();
      const tries = triesAfter(move.input, row.tries);
      const nextAt = move.next_at_ms ?? (move.input === 'requeue' ? now : row.next_at_ms);
      const since = move.input === 'requeue' ? now : row.since_ms;
      const { reason, message = '', event_id, relay } = move;
      this.#statements.moveDelivery.run(to, tries, nextAt, since, reason, message, now, event_id, relay);
      return { from: row.state, to, ...this.#judge(event_id, now, isOpen(row.state) && isOpen(to)) };
    });
  }

  /** {@link move} in the transaction of this turn. */
  moveSoon(move: DeliveryMove): Promise<Moved | undefined> {
    return this.#file.together('Moving a delivery', () => this.move(move));
  }

  /** What a process that is gone had in flight is pending again: whether it arrived is not known. @returns how many. */
  recover(): number {
    return this.#file.transaction('Recovering the outbox', () => {
      const rows = this.#statements.inFlight.all();
      for (const row of rows) this.move({ ...row, input: 'recover', reason: 'process-ended' });
      return rows.length;
    });
  }

  /** Gives up at most `limit` deliveries that have been pending for longer than `ageMs`. @returns those. */
  expire(ageMs: number, limit: number): readonly Expired[] {
    return this.#giveUp(() => this.#statements.tooOld.all(this.#now() - ageMs, limit));
  }

  /** As `expire`, of deliveries to relays that are none of these. */
  expireBeside(own: readonly string[], ageMs: number, limit: number): readonly Expired[] {
    return this.#giveUp(() => this.#statements.tooOldBeside.all(JSON.stringify(own), this.#now() - ageMs, limit));
  }

  /** Relays that are none of these and have something pending, that which is due first in front. */
  waitingBeside(
    own: readonly string[],
  ): readonly { readonly relay: string; readonly next_at_ms: number; readonly number: number }[] {
    return this.#file.read('Looking for relays', () => this.#statements.waitingBeside.all(JSON.stringify(own)));
  }

  /** What is pending for a relay is not due before it has waited as long again as it has, and `leastMs`. */
  postpone(relay: string, leastMs: number): void {
    const now = this.#now();
    this.#file.transaction('Postponing deliveries', () => this.#statements.postpone.run(now, leastMs, now, relay));
  }

  /** Gives up what is pending of an event that a later one replaces. @returns the moves. */
  supersede(event_id: string): readonly Moved[] {
    return this.#file.transaction('Giving up deliveries', () =>
      this.#statements.deliveriesOf
        .all(event_id)
        .filter(({ state }) => state === 'pending')
        .flatMap(({ relay }) => this.move({ event_id, relay, input: 'exhaust', reason: 'superseded' }) ?? []),
    );
  }

  /** Removes at most `limit` events that settled more than `ageMs` ago, with their keys. @returns how many. */
  prune(ageMs: number, limit: number): number {
    return this.#file.transaction('Removing old events', () => {
      const rows = this.#statements.old.all(this.#now() - ageMs, limit);
      for (const { id } of rows) {
        this.#statements.deleteDeliveries.run(id);
        this.#statements.deleteEvent.run(id);
      }
      return rows.length;
    });
  }

  /** At most `limit` deliveries in a state, oldest first. */
  list(state: DeliveryState, limit: number): readonly DeliveryRow[] {
    return this.#file.read('Listing deliveries', () => this.#statements.listed.all(state, limit));
  }

  /** Deliveries per relay and state. */
  counts(): readonly {
    readonly relay: string;
    readonly state: DeliveryState;
    readonly number: number;
    readonly oldest_since_ms: number;
  }[] {
    return this.#file.read('Counting deliveries', () =>
      this.#statements.counts.all().map(({ oldest, ...row }) => ({ ...row, oldest_since_ms: oldest })),
    );
  }

  /** Events per standing. */
  standings(): Readonly<Record<Standing, number>> {
    return this.#file.read('Counting events', () => ({
      open: 0,
      reached: 0,
      missed: 0,
      ...Object.fromEntries(this.#statements.standings.all().map(({ standing, number }) => [standing, number])),
    }));
  }

  /** How an event stands; undefined when it is not stored. */
  standingOf(id: string): Standing | undefined {
    return this.#file.read('Reading an event', () => this.#statements.eventById.get(id)?.standing);
  }

  #giveUp(find: () => readonly { readonly event_id: string; readonly relay: string }[]): readonly Expired[] {
    return this.#file.transaction('Giving up old deliveries', () =>
      find().flatMap((row) => {
        const moved = this.move({ ...row, input: 'exhaust', reason: 'expired' });
        return moved === undefined ? [] : [{ ...row, ...moved }];
      }),
    );
  }

  /** @param isAsBefore No delivery counts otherwise than it did. */
  #judge(id: string, now: number, isAsBefore: boolean): { standing: Standing; isNewStanding: boolean } {
    const event = this.#statements.eventById.get(id);
    if (event === undefined) throw new BridgeError('internal', `A delivery has no event ${id}.`);
    if (isAsBefore) return { standing: event.standing, isNewStanding: false };
    const standing = judgeQuorum(JSON.parse(event.quorum) as QuorumPolicy, this.#statements.deliveriesOf.all(id));
    const isNewStanding = standing !== event.standing;
    if (isNewStanding) this.#statements.setStanding.run(standing, standing === 'open' ? null : now, id);
    return { standing, isNewStanding };
  }

  #now(): number {
    return Math.trunc(this.#clock.now());
  }
}

/** Whether it may still be accepted. */
function isOpen(state: DeliveryState): boolean {
  return state === 'pending' || state === 'in-flight';
}

/** What never left was no try. */
function triesAfter(input: DeliveryInput, tries: number): number {
  if (input === 'requeue') return 0;
  return tries + (input === 'claim' ? 1 : input === 'release' ? -1 : 0);
}

function contentsOf({ pubkey, kind, tags, content }: UnsignedEvent): string {
  return hash('sha256', JSON.stringify([pubkey, kind, tags, content]));
}
