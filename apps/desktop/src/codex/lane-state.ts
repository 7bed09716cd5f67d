import type { Clock } from '@autopilot/sync-contract';
import { CodexError } from './errors.ts';
import type { Journal } from './journal.ts';
import type { CodexLaneState, CodexLaneStatus } from './lane-status.ts';
import { appendLaneEntry } from './wire-log.ts';

const keptNotes = 20;

/** Keeps the status of a lane and journals each change of its state. */
export class LaneState {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #boot: string;
  #status: CodexLaneStatus;

  /** `bootId` names this start of the lane in the journal. */
  constructor(feed: CodexLaneStatus['feed'], journal: Journal, clock: Clock, bootId: string) {
    this.#journal = journal;
    this.#clock = clock;
    this.#boot = bootId;
    const counts = { messages: 0, completed: 0, approvals: { accepted: 0, declined: 0 } };
    this.#status = { feed, state: 'starting', since_ms: clock.now(), notes: [], ...counts, finished: feed === 'none' };
    this.#record();
  }

  get(): CodexLaneStatus {
    return this.#status;
  }

  /** Goes to a state; `stopped` and `error` are final. */
  go(state: CodexLaneState, error?: unknown): void {
    const { error: _before, ...rest } = this.#status;
    if (rest.state === 'stopped' || rest.state === 'error') return;
    const told = error === undefined ? {} : { error: describe(error) };
    this.#status = { ...rest, ...told, state, since_ms: this.#clock.now() };
    this.#record();
  }

  note(text: string): void {
    this.#status = { ...this.#status, notes: [...this.#status.notes, text].slice(-keptNotes) };
  }

  countMessages(count: number): void {
    this.#status = { ...this.#status, messages: this.#status.messages + count };
  }

  countCompleted(): void {
    this.#status = { ...this.#status, completed: this.#status.completed + 1 };
  }

  countApproval(answer: 'accepted' | 'declined'): void {
    const { approvals } = this.#status;
    this.#status = { ...this.#status, approvals: { ...approvals, [answer]: approvals[answer] + 1 } };
  }

  finish(): void {
    this.#status = { ...this.#status, finished: true };
  }

  #record(): void {
    const { feed, state, error } = this.#status;
    const body = { feed, state, ...(error === undefined ? {} : { code: error.code, message: error.message }) };
    try {
      appendLaneEntry(this.#journal, this.#boot, 'lane/status', body);
    } catch (cause) {
      // A journal that cannot be written is the very thing the status then has to say.
      this.#status = { ...this.#status, state: 'error', error: describe(cause) };
    }
  }
}

function describe(error: unknown): NonNullable<CodexLaneStatus['error']> {
  const known = error instanceof CodexError ? error : new CodexError('server_gone', String(error));
  return { code: known.code, message: known.message, next: known.next };
}
