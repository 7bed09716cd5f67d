import type { Cancel, Ports } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import { type NostrEvent, tagList, tagValue } from '../event/event.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { QuorumPolicy } from '../outbox/quorum.ts';
import type { Filter } from '../relay/relay-subscriptions.ts';
import type { Cipher } from './job-cipher.ts';
import { type JobInput, openJobStates } from './job-states.ts';
import type { Job, JobStore } from './job-store.ts';
import { type JobAmount, type JobRequest, readAmount, readText, requestTemplate } from './job-tags.ts';
import { kindFilters } from './kind-filters.ts';
import { feedbackInputs, nip90 } from './nip90.ts';
import type { Quote, QuoteStore } from './quote-store.ts';

/** What a customer is made of. */
export interface JobCustomerParts {
  readonly jobs: JobStore;
  readonly quotes: QuoteStore;
  readonly outbox: Outbox;
  readonly ports: Ports;
  readonly quorum: QuorumPolicy;
  /** How long a job without an expiration of its own is waited for, in milliseconds. */
  readonly jobMs: number;
  /**
   * Kinds of requests that it makes: only their answers are asked for. Without it relays are asked for everything that
   * names this key.
   */
  readonly kinds?: readonly number[];
  readonly cipher?: Cipher;
}

/** Between two looks at whose time has come. */
const pollMs = 1_000;
const expiredAtOnce = 100;

/** Asks providers for work, and keeps what they answer. It carries amounts and invoices, and pays nothing. */
export class JobCustomer {
  /**
   * `others`: answers of those who are not bound to their job. `unbound`: feedbacks that bind nobody, of a job that is for
   * everybody. `crowded`: quotes beside as many as a job may have.
   */
  readonly counters = { moved: 0, others: 0, unbound: 0, crowded: 0, expired: 0, faults: 0 };
  readonly #parts: JobCustomerParts;
  #cancelPoll: Cancel = () => {};

  constructor(parts: JobCustomerParts) {
    this.#parts = parts;
  }

  /** From now on its jobs end when their time has come. */
  start(): void {
    const { jobs, ports } = this.#parts;
    try {
      this.counters.expired += jobs.expire(expiredAtOnce, 'customer').length;
    } catch {
      // The file refuses: the next look tries again.
      this.counters.faults += 1;
    }
    this.#cancelPoll = ports.scheduler.after(pollMs, () => this.start());
  }

  stop(): void {
    this.#cancelPoll();
  }

  /** What to follow at the relays of its jobs. */
  filters(): readonly Filter[] {
    const { kinds, outbox } = this.#parts;
    const mine = { '#p': [outbox.pubkey] };
    // All kinds of results are a thousand: no relay takes such a filter.
    if (kinds === undefined) return [mine];
    return kindFilters([nip90.feedback, ...kinds.map((kind) => kind + nip90.resultOffset)], mine);
  }

  /** Asks once per key: the same key again is the job that is there. @throws {BridgeError} and nothing is asked. */
  async request(key: string, request: JobRequest): Promise<Job> {
    const { jobs, outbox, ports, quorum, jobMs, cipher, kinds } = this.#parts;
    if (kinds?.includes(request.kind) === false) {
      throw new BridgeError('invalid_option', `Answers to requests of kind ${request.kind} are not looked for.`);
    }
    const outboxKey = `job request ${key}`;
    const stored = outbox.byKey(outboxKey);
    const expires = request.expiration === undefined ? ports.clock.now() + jobMs : request.expiration * 1000;
    const { event } =
      stored === undefined
        ? await outbox.enqueue(
            { key: outboxKey, template: requestTemplate(request, cipher), relays: request.relays, quorum },
            (enqueued) => void jobs.add('customer', enqueued.event, request.provider ?? '', Math.trunc(expires)),
          )
        : { event: stored };
    return known(jobs.get('customer', event.id), event.id);
  }

  /**
   * Takes an event that was verified and is new; runs in the transaction that remembers it.
   *
   * @returns the job that it moved.
   */
  take(event: NostrEvent): Job | undefined {
    const { jobs } = this.#parts;
    const id = tagValue(event, nip90.tags.event) ?? '';
    const job = jobs.get('customer', id);
    if (job === undefined) return undefined;
    // Anybody can name a request: only the provider that was asked, or is bound to it, speaks of it.
    if (job.provider !== '' && job.provider !== event.pubkey) {
      this.counters.others += 1;
      return undefined;
    }
    const isResult = event.kind === job.request.kind + nip90.resultOffset;
    const status = event.kind === nip90.feedback ? (tagValue(event, nip90.tags.status) ?? '') : '';
    const input = isResult ? 'finish' : Object.hasOwn(feedbackInputs, status) ? feedbackInputs[status] : undefined;
    if (input === undefined) return undefined;
    try {
      const moved = this.#move(job, input, event);
      if (moved !== undefined) this.counters.moved += 1;
      return moved;
    } catch (error) {
      // A content that is not for this key is no answer.
      if (error instanceof BridgeError && error.code === 'decryption_failed') return undefined;
      throw error;
    }
  }

  #move(job: Job, input: JobInput, event: NostrEvent): Job | undefined {
    const { jobs, quotes, cipher } = this.#parts;
    const { request_id, provider } = job;
    const detail = readText(event, cipher);
    const amount = readAmount(event);
    if (provider !== '') return jobs.move('customer', request_id, input, { detail, ...amount });
    // Whoever brings a result first has done the job. Anything less is easily said, and would keep others from it.
    if (input === 'finish') {
      return jobs.move('customer', request_id, input, { detail, ...amount, provider: event.pubkey });
    }
    if (input !== 'quote') {
      this.counters.unbound += 1;
      return undefined;
    }
    if (!openJobStates.includes(job.state)) return undefined;
    if (quotes.put(request_id, event.pubkey, detail, amount)) return jobs.move('customer', request_id, input);
    this.counters.crowded += 1;
    return undefined;
  }

  /** What was asked for a job that names no provider. */
  quotes(request_id: string): readonly Quote[] {
    return this.#parts.quotes.of(request_id);
  }

  /**
   * Somebody says that a quote was paid. That of a job that names no provider is said with whose: the job is bound to it.
   *
   * @throws {BridgeError} `unknown_job`, `job_refused`
   */
  notePaid(request_id: string, provider?: string): Job {
    const { jobs, quotes } = this.#parts;
    const job = known(jobs.get('customer', request_id), request_id);
    const payee = job.provider === '' ? provider : job.provider;
    const quote = quotes.of(request_id).find((one) => one.provider === payee);
    const isOther = payee === undefined || (provider !== undefined && provider !== payee);
    if (isOther || (job.provider === '' && quote === undefined)) {
      throw new BridgeError('job_refused', `The job ${request_id} has no quote of the provider that is meant.`);
    }
    const { amount_msat, bolt11, detail } = quote ?? job;
    const amount: JobAmount = {
      ...(amount_msat === undefined ? {} : { amount_msat }),
      ...(bolt11 === undefined ? {} : { bolt11 }),
    };
    const move = job.provider === '' ? { detail, ...amount, provider: payee } : {};
    return allowed(jobs.move('customer', request_id, 'pay', move), request_id, 'paid');
  }

  /** Takes a request back. */
  async cancel(request_id: string): Promise<Job> {
    const { jobs, outbox, quorum } = this.#parts;
    const job = known(jobs.get('customer', request_id), request_id);
    if (job.state === 'cancelled') return job;
    const relays = tagList(job.request, nip90.tags.relays);
    const tags = [
      [nip90.tags.event, request_id],
      ['k', `${job.request.kind}`],
      ...(job.provider === '' ? [] : [[nip90.tags.provider, job.provider]]),
    ];
    const template = { kind: nip90.deletion, tags, content: '' };
    await outbox.enqueue({ key: `job cancel ${request_id}`, template, relays, quorum }, () => {
      allowed(jobs.move('customer', request_id, 'cancel'), request_id, 'cancelled');
    });
    return known(jobs.get('customer', request_id), request_id);
  }
}

function known(job: Job | undefined, request_id: string): Job {
  if (job === undefined) throw new BridgeError('unknown_job', `There is no job ${request_id}.`);
  return job;
}

function allowed(job: Job | undefined, request_id: string, what: string): Job {
  if (job === undefined) throw new BridgeError('job_refused', `The job ${request_id} cannot be ${what} now.`);
  return job;
}
