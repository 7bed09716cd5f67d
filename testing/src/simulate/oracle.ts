import type { StreamPosition } from '@autopilot/sync-contract';
import type { CheckpointStore, Commit, ResetTo, StreamChange } from '../../../packages/checkpoint/src/index.ts';
import type { Report, Rule } from './report.ts';
import type { ServerLog } from './server-log.ts';

/** How a life of the client ended: what the next one may find in the store. */
export type Ending = 'closed' | 'killed' | 'power-lost';

interface Place extends StreamPosition {
  readonly chain: string;
}

/** All positions of the store, as one text that two states can be compared by. */
type Positions = string;

/**
 * Compares what the client stores and shows with the log of the host, at every write. It knows nothing of sessions: only
 * what was written, what listeners were told, and what is found when the store is opened again.
 */
export class Oracle {
  readonly #log: ServerLog;
  readonly #report: Report;
  readonly #stored = new Map<string, Place>();
  /** After which place the next commit of a stream has to be told: what was told, or where this life or a reset began. */
  readonly #next = new Map<string, StreamPosition>();
  /** The last place of each stream that listeners were told of, in any life. */
  readonly #told = new Map<string, StreamPosition>();
  /** What the store held after each write since the last one that is synced for certain. */
  #history: Positions[] = [];
  /** Writes that a loss of power cannot take back. */
  #synced = 0;
  /** The place of each stream after a write that its process did not survive. */
  #unfinished: Positions | undefined;
  readonly #isSyncedAtOnce: boolean;

  constructor(log: ServerLog, report: Report, synchronous: 'NORMAL' | 'FULL') {
    this.#log = log;
    this.#report = report;
    this.#isSyncedAtOnce = synchronous === 'FULL';
  }

  /** A store was opened, after `ending`, or for the first time. */
  opened(store: CheckpointStore, ending: Ending | undefined): void {
    if (store.recovered !== undefined) this.#fail('durable', `The store was found ${store.recovered.reason}.`);
    const found = new Map<string, Place>();
    for (const { stream_id, epoch, seq, chain } of store.streams()) found.set(stream_id, { epoch, seq, chain });
    const positions = textOf(found);
    const before = this.#history.at(-1) ?? textOf(new Map());
    if (ending === 'power-lost') this.#afterPowerLoss(positions);
    else if (positions !== before && positions !== this.#unfinished) {
      this.#fail('durable', `After the client was ${ending ?? 'made'} the store has ${positions}, not ${before}.`);
    }
    this.#stored.clear();
    this.#next.clear();
    for (const [id, place] of found) {
      this.#stored.set(id, place);
      this.#next.set(id, place);
    }
    // What was told is not unsaid; but what is not stored any more is to be read, and told, again.
    if (ending === 'power-lost' && !this.#isSyncedAtOnce) this.#untell(found);
    this.#checkTold();
    // Opening syncs nothing of what a killed process had written.
    if (ending === 'killed') this.#history.push(positions);
    else this.#history = [positions];
    if (ending !== 'killed') this.#synced = 1;
    this.#unfinished = undefined;
    this.whole(store);
  }

  /** A write is about to be made that its process will not survive; it may be found afterwards, or not. */
  unfinished(apply: (positions: Map<string, Place>) => void): void {
    const after = new Map(this.#stored);
    apply(after);
    this.#unfinished = textOf(after);
  }

  /** The store has taken a commit. */
  committed(changes: readonly StreamChange[]): void {
    for (const change of changes) {
      const { stream_id, epoch, expected_seq, events, seq, chain } = change;
      const before = this.#stored.get(stream_id);
      const fresh = before === undefined && expected_seq === 0n;
      if (!fresh && (before?.epoch !== epoch || before.seq !== expected_seq)) {
        this.#fail(
          'no-gap',
          `${stream_id} was at ${placeText(before)}, and was continued from ${epoch}:${expected_seq}.`,
        );
      }
      for (const event of events) {
        const difference = this.#log.difference(event);
        if (difference !== undefined) this.#fail('prefix', `${stream_id} ${epoch}:${event.seq}: ${difference}.`);
      }
      this.#moved(stream_id, { epoch, seq, chain });
    }
    this.wrote();
  }

  /** The store has taken a reset. */
  reset(id: string, to: ResetTo): void {
    const before = this.#stored.get(id);
    if (before?.epoch === to.epoch && to.seq < before.seq) {
      this.#fail('monotone', `${id} went back from ${placeText(before)} to ${to.seq}.`);
    }
    if (!this.#log.wasFloor(id, to.epoch, to.seq)) {
      this.#fail(
        'no-gap',
        `${id} was moved from ${placeText(before)} to ${to.epoch}:${to.seq}, which never was a floor.`,
      );
    }
    this.#moved(id, to);
    this.#next.set(id, { epoch: to.epoch, seq: to.seq });
    this.wrote();
  }

  /** The store has taken a write, of positions or of something else. */
  wrote(): void {
    this.#history.push(textOf(this.#stored));
    if (this.#isSyncedAtOnce) this.#synced = this.#history.length;
  }

  /** Listeners are told of a commit. */
  told({ changes }: Pick<Commit, 'changes'>): void {
    for (const { stream_id, epoch, expected_seq, seq } of changes) {
      const next = this.#next.get(stream_id) ?? { epoch, seq: 0n };
      const stored = this.#stored.get(stream_id);
      if (stored?.epoch !== epoch || stored.seq < seq) {
        this.#fail('durable', `${stream_id} ${epoch}:${seq} was told while ${placeText(stored)} is stored.`);
      }
      if (next.epoch !== epoch || expected_seq !== next.seq) {
        const rule = next.epoch === epoch && expected_seq < next.seq ? 'no-repeat' : 'no-gap';
        this.#fail(rule, `${stream_id} ${epoch}:${expected_seq + 1n} to ${seq} was told after ${placeText(next)}.`);
      }
      this.#next.set(stream_id, { epoch, seq });
      this.#told.set(stream_id, { epoch, seq });
    }
  }

  /** The life of a client ends: whatever it has stored, it has told. */
  ended(): void {
    for (const [id, stored] of this.#stored) {
      const next = this.#next.get(id);
      if (next?.epoch !== stored.epoch || next.seq !== stored.seq) {
        this.#fail('no-gap', `${id} is stored at ${placeText(stored)}, and was told up to ${placeText(next)}.`);
      }
    }
  }

  /** Every stored event of every stream, against the log. */
  whole(store: CheckpointStore): void {
    for (const { stream_id, epoch, base_seq, base_chain, seq } of store.streams()) {
      const events = store.events(stream_id, { after: 0n, limit: 10_000 });
      if (BigInt(events.length) !== seq - base_seq || (events[0]?.seq ?? base_seq + 1n) !== base_seq + 1n) {
        this.#fail('prefix', `${stream_id} has ${events.length} events from ${base_seq} to ${seq}.`);
      }
      for (const event of events) {
        const difference = this.#log.difference(event);
        if (difference !== undefined) this.#fail('prefix', `${stream_id} ${epoch}:${event.seq}: ${difference}.`);
      }
      if (base_chain !== this.#log.chain(stream_id, epoch, base_seq)) {
        this.#fail('chain', `${stream_id} begins at ${epoch}:${base_seq} with a chain that the host never had.`);
      }
      const verdict = store.verify(stream_id);
      if (verdict.outcome !== 'consistent') this.#fail('chain', `${stream_id} ${epoch}: ${verdict.reason}.`);
    }
  }

  /** Where a stream is stored. */
  place(id: string): StreamPosition | undefined {
    return this.#stored.get(id);
  }

  #afterPowerLoss(positions: Positions): void {
    const possible = this.#history.slice(Math.max(0, this.#synced - 1));
    if (possible.includes(positions) || positions === this.#unfinished) return;
    this.#fail('durable', `After the power was lost the store has ${positions}, none of ${possible.join(' / ')}.`);
  }

  #moved(id: string, to: Place): void {
    if (to.chain !== this.#log.chain(id, to.epoch, to.seq)) {
      this.#fail('chain', `${id} has another chain than the host at ${to.epoch}:${to.seq}.`);
    }
    this.#stored.set(id, { epoch: to.epoch, seq: to.seq, chain: to.chain });
  }

  /** What was told and is not stored: allowed only after a loss of power with `NORMAL`. */
  #checkTold(): void {
    for (const [id, told] of this.#told) {
      const stored = this.#stored.get(id);
      const gone = stored === undefined || (stored.epoch === told.epoch && stored.seq < told.seq);
      if (gone) this.#fail('durable', `${id} ${told.epoch}:${told.seq} was told, ${placeText(stored)} is stored.`);
    }
  }

  #untell(found: ReadonlyMap<string, Place>): void {
    for (const [id, told] of this.#told) {
      const stored = found.get(id);
      if (stored === undefined) this.#told.delete(id);
      else if (stored.epoch !== told.epoch || stored.seq < told.seq) this.#told.set(id, stored);
    }
  }

  #fail(rule: Rule, message: string): void {
    this.#report.fail(rule, message);
  }
}

function placeText(place: StreamPosition | undefined): string {
  return place === undefined ? 'nothing' : `${place.epoch}:${place.seq}`;
}

function textOf(places: ReadonlyMap<string, StreamPosition>): Positions {
  return [...places]
    .map(([id, place]) => `${id}=${placeText(place)}`)
    .sort()
    .join(' ');
}
