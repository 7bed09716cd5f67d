import type { Cancel, Ports, SyncEvent } from '@autopilot/sync-contract';
import type { Journal, JournalPage } from '../outbox/journal.ts';
import { TokenBucket } from '../relay/token-bucket.ts';
import type { JournalQuestion, ToBridge } from './messages.ts';
import type { ProcessSettings } from './process-settings.ts';

/** What the desk of an owner did, for all processes of its bridge. */
export interface DeskCounters {
  answered: number;
  /** Questions that came while another one was open. */
  refused: number;
  failed: number;
  events: number;
}

/** What of the settings bounds the desk. */
export type DeskSettings = Pick<ProcessSettings, 'questions' | 'maxPageEvents' | 'maxPageBytes'>;

/**
 * Answers the questions of a bridge about its owner's journal, in the owner's process: one at a time, so many a second,
 * and each answer of bounded size. A question that comes while another is open is refused: an honest bridge asks the next
 * one after the answer.
 */
export class JournalDesk {
  readonly #journal: Journal;
  readonly #ports: Ports;
  readonly #settings: DeskSettings;
  readonly #counters: DeskCounters;
  readonly #bucket: TokenBucket;
  readonly #answer: (answer: ToBridge) => void;
  #cancel: Cancel = () => {};
  #isBusy = false;
  #isClosed = false;

  constructor(
    journal: Journal,
    ports: Ports,
    settings: DeskSettings,
    counters: DeskCounters,
    answer: (answer: ToBridge) => void,
  ) {
    this.#journal = journal;
    this.#ports = ports;
    this.#settings = settings;
    this.#counters = counters;
    this.#answer = answer;
    this.#bucket = new TokenBucket(ports.clock, settings.questions);
  }

  ask(number: number, question: JournalQuestion): void {
    if (this.#isClosed) return;
    if (this.#isBusy) {
      this.#counters.refused += 1;
      this.#answer({ type: 'unanswered', number, message: 'Another question is open.' });
      return;
    }
    this.#isBusy = true;
    // Never in the turn of the message: what else waits for this process comes first.
    this.#cancel = this.#ports.scheduler.after(this.#bucket.waitMs(), () => void this.#reply(number, question));
  }

  /** Answers nothing more: the bridge that asked is gone. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  async #reply(number: number, question: JournalQuestion): Promise<void> {
    this.#bucket.take();
    let answer: ToBridge;
    try {
      answer = await this.#answerTo(number, question);
      this.#counters.answered += 1;
    } catch (error) {
      this.#counters.failed += 1;
      answer = { type: 'unanswered', number, message: error instanceof Error ? error.message : String(error) };
    }
    this.#isBusy = false;
    if (!this.#isClosed) this.#answer(answer);
  }

  async #answerTo(number: number, question: JournalQuestion): Promise<ToBridge> {
    if (question.ask === 'streams') return { type: 'streams', number, streams: await this.#journal.streams() };
    const limit = Math.min(question.limit, this.#settings.maxPageEvents);
    const page = this.#cut(await this.#journal.read(question.stream_id, question.after, limit));
    this.#counters.events += page.events.length;
    return { type: 'page', number, page };
  }

  #cut(page: JournalPage): JournalPage {
    const events: SyncEvent[] = [];
    let bytes = 0;
    for (const event of page.events) {
      bytes += event.payload.length;
      if (events.length > 0 && (bytes > this.#settings.maxPageBytes || events.length >= this.#settings.maxPageEvents)) {
        return { ...page, events, more: true };
      }
      events.push(event);
    }
    return page;
  }
}
