import type { LaneSignal, StreamPosition } from '@autopilot/sync-contract';
import { type GrantChange, nextState, sessionEvents } from '../../../packages/session/src/index.ts';
import type { Report } from './report.ts';

/** So many attempts that proved no use, in so short a time, are a storm: drawing such waits is out of the question. */
const stormAttempts = 14;
const stormMs = 8_000;
/** Live for so long, a connection has proved its use; the session's own default. */
const provenAfterMs = 10_000;

/** What the owner of one life of a session may expect of its signals. */
export class SessionCheck {
  readonly #report: Report;
  readonly #monotonic: () => number;
  readonly #floorMs: number;
  /** After which position the next batch of a stream has to begin; null before its epoch is known. */
  readonly #after = new Map<string, StreamPosition | null>();
  readonly #granted = new Set<string>();
  #state: string = 'idle';
  #since = 0;
  #attempts: number[] = [];
  #askedAt: number | undefined;
  #closed = false;

  constructor(report: Report, monotonic: () => number, floorMs: number) {
    this.#report = report;
    this.#monotonic = monotonic;
    this.#floorMs = floorMs;
  }

  /** The owner gave a position. */
  follow(id: string, after: StreamPosition | null): void {
    this.#after.set(id, after);
  }

  unfollow(id: string): void {
    this.#after.delete(id);
  }

  /** Somebody outside told the session to try again: a new series of attempts. */
  retried(): void {
    this.#proved();
    this.#askedAt = undefined;
  }

  /** The session asks for a token. */
  asksForToken(): void {
    const now = this.#monotonic();
    if (this.#askedAt !== undefined && now - this.#askedAt < this.#floorMs) {
      const apart = `${now - this.#askedAt} ms apart, the floor is ${this.#floorMs} ms`;
      this.#report.fail('storm', `Two tokens were asked for ${apart}.`);
    }
    this.#askedAt = now;
  }

  /** What the session tells of the grants. */
  grants({ all, added, removed }: GrantChange): void {
    const idsOf = (grants: GrantChange['all']) => grants.map(({ stream_id }) => stream_id);
    for (const id of idsOf(removed)) this.#granted.delete(id);
    for (const id of idsOf(added)) this.#granted.add(id);
    const [sum, told] = [[...this.#granted], idsOf(all)].map((ids) => ids.sort().join(' '));
    if (sum !== told) this.#report.fail('grants', `Grants of "${told}" were told, the changes give "${sum}".`);
  }

  closed(): void {
    this.#closed = true;
  }

  signal(signal: LaneSignal): void {
    if (this.#closed) this.#report.fail('clean-close', `A ${signal.type} signal came after the close.`);
    if (signal.type === 'state') this.#moved(signal.from, signal.to);
    else if (signal.type === 'batch') this.#batch(signal);
    else if (signal.type === 'stream-closed') this.#after.delete(signal.stream_id);
  }

  #proved(): void {
    this.#attempts = this.#attempts.slice(-1);
  }

  #moved(from: string, to: string): void {
    const now = this.#monotonic();
    const isInTable = sessionEvents.some((event) => nextState(from as never, event) === to);
    if (from !== this.#state || !isInTable) {
      this.#report.fail('transitions', `The session went from ${from} to ${to}, it was ${this.#state}.`);
    }
    if (from === 'live' && now - this.#since >= provenAfterMs) this.#proved();
    this.#state = to;
    this.#since = now;
    if (to === 'authenticating') this.#attempt(now);
  }

  #attempt(now: number): void {
    const last = this.#attempts.at(-1);
    if (last !== undefined && now - last < this.#floorMs) {
      this.#report.fail('storm', `Two attempts were ${now - last} ms apart, the floor is ${this.#floorMs} ms.`);
    }
    this.#attempts.push(now);
    const first = this.#attempts.at(-stormAttempts);
    if (first !== undefined && now - first < stormMs) {
      this.#report.fail('storm', `${stormAttempts} attempts in ${now - first} ms, none of which proved its use.`);
    }
  }

  #batch({ stream_id, events }: Extract<LaneSignal, { type: 'batch' }>): void {
    this.#proved();
    const after = this.#after.get(stream_id);
    if (after === undefined) {
      this.#report.fail('order', `A batch of ${stream_id} came, which is not followed.`);
      return;
    }
    let last = after;
    for (const event of events) {
      const expected = (last?.seq ?? 0n) + 1n;
      if (event.seq !== expected || (last !== null && event.epoch !== last.epoch)) {
        const place = last === null ? 'the beginning' : `${last.epoch}:${last.seq}`;
        this.#report.fail('order', `${stream_id} ${event.epoch}:${event.seq} was handed over after ${place}.`);
        return;
      }
      last = { epoch: event.epoch, seq: event.seq };
    }
    this.#after.set(stream_id, last);
  }
}
