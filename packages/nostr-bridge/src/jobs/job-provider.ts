import type { Cancel, Ports } from '@autopilot/sync-contract';
import { within } from '../deadline.ts';
import { BridgeError } from '../errors.ts';
import type { NostrEvent } from '../event/event.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { QuorumPolicy } from '../outbox/quorum.ts';
import type { Filter } from '../relay/relay-subscriptions.ts';
import type { Cipher } from './job-cipher.ts';
import type { JobInput, JobState } from './job-states.ts';
import type { Job, JobStore } from './job-store.ts';
import { feedbackTemplate, type JobAmount, type JobRequest, readRequest, resultTemplate } from './job-tags.ts';
import { kindFilters } from './kind-filters.ts';
import { isRequestKind, nip90 } from './nip90.ts';

/** What does the work. It may be called again for the same job after a crash: its result is published once. */
export interface JobWork {
  /** What has to be paid first; undefined when nothing has. */
  quote(request: JobRequest, job: Job): JobAmount | undefined | Promise<JobAmount | undefined>;
  /** Its text is the result. `signal` ends it when the job is cancelled, expired, too slow, or the bridge stops. */
  run(request: JobRequest, job: Job, progress: (text: string) => Promise<void>, signal: AbortSignal): Promise<string>;
}

/** What a provider is made of. */
export interface JobProviderParts {
  readonly jobs: JobStore;
  readonly outbox: Outbox;
  readonly ports: Ports;
  readonly work: JobWork;
  /** Kinds of requests that it takes. */
  readonly kinds: readonly number[];
  /** Whether it takes requests that name nobody as well. */
  readonly takesOpenRequests?: boolean;
  /** Jobs that have not ended; a request beside so many is not taken, now or later. 1,000 where nothing is said. */
  readonly maxOpenJobs?: number;
  /** Where it answers. */
  readonly relays: readonly string[];
  /** Where an answer to this request goes, `relays` among them; there alone where it is not given. */
  readonly relaysFor?: (request: NostrEvent) => readonly string[];
  readonly quorum: QuorumPolicy;
  /** How long a request is good at most, from its created_at, and how long one run, and one quote, may take: milliseconds. */
  readonly jobMs: number;
  readonly runMs: number;
  readonly quoteMs: number;
  /** Jobs that run at the same time. */
  readonly maxRunning: number;
  /** Between two looks at what is to be done, in milliseconds. */
  readonly pollMs: number;
  readonly cipher?: Cipher;
}

/** States in which a provider has something to do. */
const workable: readonly JobState[] = ['partial', 'processing', 'paid', 'offered'];
const expiredAtOnce = 100;
/** Requests that did not come, of one deletion: it must not push out those of others. */
const unknownAtOnce = 20;

/** Takes requests, and answers each with exactly one result or error. What a restart interrupted is done again. */
export class JobProvider {
  readonly counters = {
    taken: 0,
    finished: 0,
    failed: 0,
    cancelled: 0,
    expired: 0,
    refused: 0,
    crowded: 0,
    stale: 0,
    faults: 0,
  };
  readonly #parts: JobProviderParts;
  readonly #running = new Map<string, AbortController>();
  #cancelPoll: Cancel = () => {};
  #isStarted = false;

  constructor(parts: JobProviderParts) {
    this.#parts = parts;
  }

  /** What to follow at its relays. */
  filters(): readonly Filter[] {
    const { kinds, outbox, takesOpenRequests = false } = this.#parts;
    const mine = { '#p': [outbox.pubkey] };
    if (!takesOpenRequests) return kindFilters([nip90.deletion, ...kinds], mine);
    // Who takes a request back that named nobody names nobody either.
    const deletions = kindFilters(kinds, {}).map((filter) => ({
      kinds: [nip90.deletion],
      '#k': filter.kinds?.map((kind) => `${kind}`) ?? [],
    }));
    return [...kindFilters(kinds, {}), { kinds: [nip90.deletion], ...mine }, ...deletions];
  }

  /** Goes on with what was interrupted. */
  start(): void {
    this.#isStarted = true;
    this.#poll();
  }

  stop(): void {
    this.#isStarted = false;
    this.#cancelPoll();
    for (const running of this.#running.values()) running.abort();
  }

  /**
   * Takes an event that was verified and is new; runs in the transaction that remembers it. Call `wake` afterwards.
   *
   * @returns whether it is a new job.
   */
  take(event: NostrEvent): boolean {
    const { jobs, outbox, kinds, ports, jobMs, maxOpenJobs = 1_000 } = this.#parts;
    if (event.kind === nip90.deletion) {
      this.#takeBack(event);
      return false;
    }
    if (!this.#isAsked(event) || !isRequestKind(event.kind) || !kinds.includes(event.kind)) return false;
    const expiration = Number(event.tags.find(([name]) => name === nip90.tags.expiration)?.[1]);
    // From what the event says alone: whenever it comes again, its time is the same.
    const latest = Math.trunc(event.created_at * 1000 + jobMs);
    const expires = Number.isFinite(expiration) ? Math.min(latest, Math.trunc(expiration * 1000)) : latest;
    if (expires <= ports.clock.now()) {
      this.counters.stale += 1;
      return false;
    }
    if (jobs.takenBack.has(event.id, event.pubkey)) {
      this.counters.cancelled += 1;
      return false;
    }
    if (jobs.get('provider', event.id) !== undefined) return false;
    // Anybody may ask: what they ask must not fill the file.
    if (jobs.openCount('provider') >= maxOpenJobs) {
      this.counters.crowded += 1;
      return false;
    }
    const isNew = jobs.add('provider', event, outbox.pubkey, expires);
    if (isNew) this.counters.taken += 1;
    return isNew;
  }

  /** Ends what is taken back, and remembers what did not come yet. Only who asked may take back. */
  #takeBack({ pubkey, tags }: NostrEvent): void {
    const { jobs, kinds } = this.#parts;
    const named = tags.filter(([name]) => name === 'k').map(([, kind]) => Number(kind));
    const isOfMine = named.length === 0 || named.some((kind) => kinds.includes(kind));
    let unknown = 0;
    for (const [name, id = ''] of tags) {
      if (name !== nip90.tags.event) continue;
      const job = jobs.get('provider', id);
      if (job === undefined) {
        unknown += 1;
        if (isOfMine && unknown <= unknownAtOnce && isId(id)) jobs.takenBack.remember(id, pubkey);
      } else if (job.customer === pubkey && jobs.move('provider', id, 'cancel') !== undefined) {
        this.counters.cancelled += 1;
        this.#running.get(id)?.abort();
      }
    }
  }

  #isAsked({ tags }: NostrEvent): boolean {
    const named = tags.filter(([name]) => name === nip90.tags.provider);
    if (named.length > 0) return named.some(([, key]) => key === this.#parts.outbox.pubkey);
    // What is encrypted is for somebody, whoever that is.
    return this.#parts.takesOpenRequests === true && !tags.some(([name]) => name === nip90.tags.encrypted);
  }

  /** Somebody says that a quote was paid. */
  notePaid(request_id: string): void {
    const { jobs } = this.#parts;
    if (jobs.get('provider', request_id) === undefined) {
      throw new BridgeError('unknown_job', `There is no job ${request_id}.`);
    }
    if (jobs.move('provider', request_id, 'pay') === undefined) {
      throw new BridgeError('job_refused', `The job ${request_id} waits for no payment.`);
    }
    this.wake();
  }

  /** Looks for something to do, as far as there is room. */
  wake(): void {
    if (!this.#isStarted) return;
    for (const state of workable) {
      const room = this.#parts.maxRunning - this.#running.size;
      if (room <= 0) return;
      // As many as may be running already, and room for others beside them.
      const found = this.#parts.jobs.list(state, this.#parts.maxRunning + room);
      const waiting = found.filter(({ role, request_id }) => role === 'provider' && !this.#running.has(request_id));
      for (const job of waiting.slice(0, room)) void this.#work(job);
    }
  }

  #poll(): void {
    try {
      for (const { request_id } of this.#parts.jobs.expire(expiredAtOnce, 'provider')) {
        this.counters.expired += 1;
        this.#running.get(request_id)?.abort();
      }
      this.wake();
    } catch {
      // The file refuses: the next look tries again.
      this.counters.faults += 1;
    }
    this.#cancelPoll = this.#parts.ports.scheduler.after(this.#parts.pollMs, () => this.#poll());
  }

  async #work(job: Job): Promise<void> {
    const stop = new AbortController();
    this.#running.set(job.request_id, stop);
    let isFault = false;
    try {
      await this.#step(job, stop);
    } catch (error) {
      // Cancelled or expired meanwhile: nothing was published. Anything else is tried again at the next look.
      isFault = !(error instanceof BridgeError && error.code === 'job_refused');
      this.counters[isFault ? 'faults' : 'refused'] += 1;
    } finally {
      this.#running.delete(job.request_id);
    }
    if (!isFault) this.#guardedWake();
  }

  async #step(job: Job, stop: AbortController): Promise<void> {
    const { outbox, work, ports, runMs, quoteMs, cipher } = this.#parts;
    let request: JobRequest;
    try {
      request = readRequest(job.request, outbox.pubkey, cipher);
    } catch {
      return this.#fail(job, 'The request cannot be read.');
    }
    if (job.state === 'offered') {
      const quoted = await within(ports.scheduler, quoteMs, () => work.quote(request, job));
      if (quoted.outcome !== 'done') return this.#fail(job, 'No quote could be given.');
      if (quoted.value !== undefined) return this.#say(job, 'quote', 'payment-required', 'quote', '', quoted.value);
    }
    if (job.state === 'offered' || job.state === 'paid') await this.#say(job, 'start', 'processing', 'processing', '');
    let parts = 0;
    const progress = async (text: string) => {
      parts += 1;
      // By number and version: a run that is repeated says its parts again, as what they are: new ones.
      await this.#say(job, 'progress', 'partial', `partial ${job.version} ${parts}`, text);
    };
    const ran = await within(ports.scheduler, runMs, () => work.run(request, job, progress, stop.signal));
    if (!this.#isStarted) return;
    if (ran.outcome === 'late') stop.abort();
    // What the work was told by this bridge is no failure of the work: ended meanwhile, or to be tried again.
    if (ran.outcome === 'failed' && ran.cause instanceof BridgeError) throw ran.cause;
    if (ran.outcome !== 'done') return this.#fail(job, ran.outcome === 'late' ? 'It took too long.' : 'It failed.');
    const { quorum } = this.#parts;
    const relays = this.#relaysFor(job);
    const template = resultTemplate(job.request, ran.value, amountOf(job), cipher);
    await outbox.enqueue({ key: `job result ${job.request_id}`, template, relays, quorum }, () =>
      this.#move(job, 'finish', ran.value),
    );
    this.counters.finished += 1;
  }

  async #fail(job: Job, text: string): Promise<void> {
    await this.#say(job, 'fail', 'error', 'error', text);
    this.counters.failed += 1;
  }

  /** Stores a feedback and the move that it tells of, together or not at all. */
  async #say(job: Job, input: JobInput, status: string, key: string, text: string, amount: JobAmount = {}) {
    const { outbox, quorum, cipher } = this.#parts;
    const relays = this.#relaysFor(job);
    const template = feedbackTemplate(job.request, status, text, amount, cipher);
    await outbox.enqueue({ key: `job ${key} ${job.request_id}`, template, relays, quorum }, () =>
      this.#move(job, input, text, amount),
    );
  }

  #relaysFor({ request }: Job): readonly string[] {
    return this.#parts.relaysFor?.(request) ?? this.#parts.relays;
  }

  #move(job: Job, input: JobInput, detail: string, amount: JobAmount = {}): void {
    const moved = this.#parts.jobs.move('provider', job.request_id, input, { detail, ...amount });
    if (moved === undefined) throw new BridgeError('job_refused', `The job ${job.request_id} takes no ${input} now.`);
  }

  #guardedWake(): void {
    try {
      this.wake();
    } catch {
      this.counters.faults += 1;
    }
  }
}

function isId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function amountOf({ amount_msat, bolt11 }: Job): JobAmount {
  return { ...(amount_msat === undefined ? {} : { amount_msat }), ...(bolt11 === undefined ? {} : { bolt11 }) };
}
