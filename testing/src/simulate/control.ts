import { SyncError } from '@autopilot/sync-contract';
import type { SessionToken, TokenProvider } from '../../../packages/session/src/index.ts';
import type { Machine } from './machine.ts';
import type { Process } from './process.ts';

/** A model of who gives tokens, and of what the host knows of them. Its tokens are plain texts: `KEY.NUMBER.END`. */
export class Control {
  /** Answers to come that are none. */
  readonly failures: ('retry' | 'refused' | 'throws' | 'hangs')[] = [];
  /** Tokens asked for. */
  asked = 0;
  readonly #machine: Machine;
  readonly #now: () => number;
  readonly #life: number;
  readonly #accepted = new Set([1]);
  #newestKey = 1;
  #signingKey = 1;
  #given = 0;
  /** Tokens up to this number are over. */
  #endedThrough = 0;
  #endedAt = 0;
  #moduleRefusesUntil = 0;

  /** @param now The clock of control and host, which is not the client's. */
  constructor(machine: Machine, now: () => number, lifeMs: number) {
    this.#machine = machine;
    this.#now = now;
    this.#life = lifeMs;
  }

  provider(process: Process, latency: () => number, heard: (reason: string) => void): TokenProvider {
    return (reason, signal) => {
      this.asked += 1;
      heard(reason);
      const failure = this.failures.shift();
      const milliseconds = failure === 'hangs' ? undefined : latency();
      return process.answer(
        milliseconds,
        () => {
          if (failure === 'throws') throw new Error('An error without a code.');
          if (failure === 'retry') throw new SyncError('unavailable', 'Control is busy.');
          if (failure === 'refused') throw new SyncError('forbidden', 'Control refuses the account.');
          return this.#token();
        },
        signal,
      );
    };
  }

  /** Whether the host lets a connection with this token in. */
  accepts(token: string): boolean {
    const key = Number(token.split('.')[0]);
    return this.#accepted.has(key) && this.endOf(token) > this.#now();
  }

  /** When a token is over, by the host's clock. */
  endOf(token: string): number {
    const [, number, end] = token.split('.').map(Number);
    const ended = number !== undefined && number <= this.#endedThrough;
    return ended ? Math.min(this.#endedAt, end ?? 0) : (end ?? 0);
  }

  /** Every token so far is over now, and for the module of the host every one that comes within `forMs`. */
  endAll(forMs: number): void {
    this.#endedThrough = this.#given;
    this.#endedAt = this.#now();
    this.#moduleRefusesUntil = this.#now() + forMs;
  }

  /** When a token is over for the module: a host that let it in may still see it as over. */
  endForModule(token: string): number {
    return this.#now() < this.#moduleRefusesUntil ? this.#now() : this.endOf(token);
  }

  /** The host knows a new key at once. */
  addKey(): { readonly old: number; readonly key: number } {
    const old = this.#newestKey;
    this.#newestKey += 1;
    this.#accepted.add(this.#newestKey);
    return { old, key: this.#newestKey };
  }

  signWith(key: number): void {
    this.#signingKey = Math.max(this.#signingKey, key);
  }

  dropKey(key: number): void {
    this.#accepted.delete(key);
  }

  /** Everything is in order again. */
  repair(): void {
    this.failures.length = 0;
    this.#moduleRefusesUntil = 0;
    this.#signingKey = this.#newestKey;
  }

  #token(): SessionToken {
    this.#given += 1;
    // In the client's time, as an application gives it to its session: see inLocalTime of the desktop.
    const now = this.#machine.now();
    return {
      token: `${this.#signingKey}.${this.#given}.${this.#now() + this.#life}`,
      expires_at: now + this.#life,
      refresh_after: now + this.#life * 0.75,
      uri: 'http://host.test:3000',
      database: 'sync',
    };
  }
}
