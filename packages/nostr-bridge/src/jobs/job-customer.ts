import type { Ports } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import { type NostrEvent, tagValue } from '../event/event.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { QuorumPolicy } from '../outbox/quorum.ts';
import type { Filter } from '../relay/relay-subscriptions.ts';
import type { Cipher } from './job-cipher.ts';
import type { Job, JobStore } from './job-store.ts';
import { type JobRequest, readAmount, readText, requestTemplate } from './job-tags.ts';
import { kindFilters } from './kind-filters.ts';
import { feedbackInputs, nip90 } from './nip90.ts';

/** What a customer is made of. */
export interface JobCustomerParts {
  readonly jobs: JobStore;
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

/** Asks providers for work, and keeps what they answer. It carries amounts and invoices, and pays nothing. */
export class JobCustomer {
  readonly #parts: JobCustomerParts;

  constructor(parts: JobCustomerParts) {
    this.#parts = parts;
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
            (enqueued) => void jobs.add('customer', enqueued.event, request.provider, Math.trunc(expires)),
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
    const { jobs, cipher } = this.#parts;
    const id = tagValue(event, nip90.tags.event) ?? '';
    const job = jobs.get('customer', id);
    // Anybody can name a request: only the provider that was asked speaks of it.
    if (job === undefined || job.provider !== event.pubkey) return undefined;
    const isResult = event.kind === job.request.kind + nip90.resultOffset;
    const status = event.kind === nip90.feedback ? (tagValue(event, nip90.tags.status) ?? '') : '';
    const input = isResult ? 'finish' : Object.hasOwn(feedbackInputs, status) ? feedbackInputs[status] : undefined;
    if (input === undefined) return undefined;
    try {
      return jobs.move('customer', id, input, { detail: readText(event, cipher), ...readAmount(event) });
    } catch (error) {
      // A content that is not for this key is no answer.
      if (error instanceof BridgeError && error.code === 'decryption_failed') return undefined;
      throw error;
    }
  }

  /** Somebody says that a quote was paid. */
  notePaid(request_id: string): Job {
    const { jobs } = this.#parts;
    known(jobs.get('customer', request_id), request_id);
    return allowed(jobs.move('customer', request_id, 'pay'), request_id, 'paid');
  }

  /** Takes a request back. */
  async cancel(request_id: string): Promise<Job> {
    const { jobs, outbox, quorum } = this.#parts;
    const job = known(jobs.get('customer', request_id), request_id);
    if (job.state === 'cancelled') return job;
    const relays = job.request.tags.find(([name]) => name === nip90.tags.relays)?.slice(1) ?? [];
    const tags = [
      [nip90.tags.event, request_id],
      ['k', `${job.request.kind}`],
      [nip90.tags.provider, job.provider],
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
