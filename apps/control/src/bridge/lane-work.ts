import type { Job, JobAmount, JobRequest, JobWork } from '@autopilot/nostr-bridge';
import type { Assignment, Capability } from '@autopilot/session';
import {
  type ComputeDetail,
  computeCapability,
  isCodedError,
  kindOfCapability,
  readComputeDetail,
  type Scheduler,
  writeComputeDetail,
} from '@autopilot/sync-contract';
import { ControlError } from '../errors.ts';
import { type AssignmentDesk, isOver } from './assignment-desk.ts';

/** How work is given away. Times in milliseconds. */
export interface LaneWorkSettings {
  /** Providers that are tried for one job, one after the other. */
  readonly attempts: number;
  /** How long a job without a capable provider waits for one. */
  readonly providerMs: number;
  /** How long an assignment is left alone that nobody accepts, or whose provider says no more what it can do. */
  readonly patienceMs: number;
  /** Until a call that failed is made again. */
  readonly retryMs: number;
}

const defaultLaneWorkSettings: LaneWorkSettings = {
  attempts: 3,
  providerMs: 20_000,
  patienceMs: 60_000,
  retryMs: 1_000,
};

/** What a job came to at one provider. */
type End = Extract<ComputeDetail, { result: string } | { error: string }>;

const prefix = 'nostr.';

/**
 * Has jobs of Nostr done by providers on the lane: each attempt is one assignment, whose id is made of the request's. So a
 * bridge that begins again finds what it gave away, and gives nothing away twice.
 */
export class LaneWork implements JobWork {
  readonly #desk: AssignmentDesk;
  readonly #scheduler: Scheduler;
  readonly #settings: LaneWorkSettings;

  constructor(desk: AssignmentDesk, scheduler: Scheduler, settings: Partial<LaneWorkSettings> = {}) {
    this.#desk = desk;
    this.#scheduler = scheduler;
    this.#settings = { ...defaultLaneWorkSettings, ...settings };
  }

  /** Kinds that somebody on the lane can compute now. */
  kinds(): readonly number[] {
    const kinds = this.#desk.capabilities().map(({ capability }) => kindOfCapability(capability));
    return [...new Set(kinds.filter((kind) => kind !== undefined))].sort((a, b) => a - b);
  }

  /** What the provider asks for who would do it now. @throws {ControlError} `unavailable` when none comes. */
  async quote({ kind }: JobRequest): Promise<JobAmount | undefined> {
    const provider = await this.#until(
      new AbortController().signal,
      () => this.#choose(kind, new Set(), Number.POSITIVE_INFINITY),
      this.#settings.providerMs,
    );
    if (provider === undefined) throw nobody(kind);
    return priceOf(provider);
  }

  async run(
    request: JobRequest,
    { request_id, customer, amount_msat = 0 }: Pick<Job, 'request_id' | 'customer' | 'amount_msat'>,
    progress: (text: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<string> {
    const { attempts, providerMs } = this.#settings;
    const tried = new Set<string>();
    let lastError = '';
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const id = `${prefix}${request_id}.${attempt}`;
      // What was given away before is known only then.
      await this.#until(signal, () => (this.#desk.isLive ? true : undefined));
      if (this.#desk.assignment(id) === undefined) {
        const provider = await this.#until(signal, () => this.#choose(request.kind, tried, amount_msat), providerMs);
        if (provider === undefined) throw lastError === '' ? nobody(request.kind) : failed(lastError);
        const detail = detailOf(request, customer, this.#desk.identityOf(customer));
        await this.#open(id, provider.identity, detail, signal);
      }
      const { assignment, end } = await this.#follow(id, progress, signal);
      if ('result' in end) return end.result;
      lastError = end.error;
      if (!end.retry) break;
      if (assignment !== undefined) tried.add(assignment.provider);
    }
    throw failed(lastError);
  }

  /**
   * Takes back assignments of jobs that need them no more, whichever bridge gave them away.
   *
   * @param isWanted Whether a job, by the id of its request, still waits for its result.
   */
  async sweep(isWanted: (request_id: string) => boolean): Promise<number> {
    const idle = this.#desk.assignments().filter((assignment) => {
      const [, request_id] = /^nostr\.([0-9a-f]{64})\.\d+$/.exec(assignment.assignment_id) ?? [];
      return request_id !== undefined && !isOver(assignment) && !isWanted(request_id);
    });
    for (const assignment of idle) await this.#cancel(assignment, 'The job is over.');
    return idle.length;
  }

  /**
   * A capable provider with the least to do; of equals the one with the lowest identity.
   *
   * @param most What its price may be, in msat: no more is given away than was asked of the customer.
   */
  #choose(kind: number, tried: ReadonlySet<string>, most: number): Capability | undefined {
    const name = computeCapability(kind);
    const busy = new Map<string, number>();
    for (const assignment of this.#desk.assignments()) {
      if (!isOver(assignment)) busy.set(assignment.provider, (busy.get(assignment.provider) ?? 0) + 1);
    }
    const load = ({ identity }: Capability) => busy.get(identity) ?? 0;
    return this.#desk
      .capabilities()
      .filter(({ capability, identity }) => capability === name && !tried.has(identity))
      .filter((one) => (priceOf(one)?.amount_msat ?? 0) <= most)
      .sort((a, b) => load(a) - load(b) || (a.identity < b.identity ? -1 : 1))[0];
  }

  async #open(id: string, provider: string, detail: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#desk.open(id, provider, detail);
        break;
      } catch (error) {
        // What the module refuses once it refuses again; what got lost on the way may go well the next time.
        if (isCodedError(error) && error.recovery !== 'retry') throw failed(error.message);
        await this.#pause(this.#settings.retryMs, signal);
        if (this.#desk.assignment(id) !== undefined) return;
      }
    }
    await this.#until(signal, () => this.#desk.assignment(id), this.#settings.patienceMs);
  }

  /** Waits for the end of an assignment, passing on its parts; takes it back when its provider is gone. */
  async #follow(id: string, progress: (text: string) => Promise<void>, signal: AbortSignal) {
    const { patienceMs } = this.#settings;
    let seen: Assignment | undefined;
    let part = 0;
    for (;;) {
      const last: Assignment | undefined = seen;
      const moved = () => {
        const now = this.#desk.assignment(id);
        // Rows that are over are taken away a day later: then nothing is known, and another attempt is made.
        if (now === undefined) return { assignment: undefined };
        return now.version === last?.version ? undefined : { assignment: now };
      };
      const next = await this.#until(signal, moved, patienceMs);
      if (next === undefined) {
        if (last !== undefined && this.#isAbandoned(last)) await this.#cancel(last, 'Its provider is silent.');
        continue;
      }
      const { assignment } = next;
      if (assignment === undefined) return { assignment: last, end: { error: 'It got lost.', retry: true } as End };
      seen = assignment;
      const detail = read(assignment);
      if (isOver(assignment)) return { assignment, end: endOf(assignment, detail) };
      if (detail !== undefined && 'progress' in detail && (detail.progress?.part ?? 0) > part) {
        part = detail.progress?.part ?? part;
        await progress(detail.progress?.text ?? '');
      }
    }
  }

  /** Nobody has accepted it, or who did has stopped saying what it can do. */
  #isAbandoned({ status, provider }: Assignment): boolean {
    return status === 'open' || !this.#desk.capabilities().some(({ identity }) => identity === provider);
  }

  async #cancel(assignment: Assignment, error: string): Promise<void> {
    // Refused when it has moved on meanwhile: that is looked at next.
    await this.#desk.cancel(assignment, writeComputeDetail({ error, retry: true })).catch(() => {});
  }

  /** Looks again at every change. @returns undefined when there is nothing after `ms`. @throws what `signal` says. */
  #until<T>(signal: AbortSignal, look: () => T | undefined, ms?: number): Promise<T | undefined> {
    return new Promise<T | undefined>((resolve, reject) => {
      let settled = false;
      const settle = (end: () => void) => {
        if (settled) return;
        settled = true;
        stopListening();
        cancel();
        signal.removeEventListener('abort', aborted);
        end();
      };
      const aborted = () => settle(() => reject(signal.reason));
      const check = () => {
        const found = look();
        if (found !== undefined) settle(() => resolve(found));
      };
      const stopListening = this.#desk.onChange(check);
      const cancel = ms === undefined ? () => {} : this.#scheduler.after(ms, () => settle(() => resolve(undefined)));
      signal.addEventListener('abort', aborted, { once: true });
      if (signal.aborted) aborted();
      else check();
    });
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.#until(signal, () => undefined, ms);
  }
}

function detailOf(
  { kind, inputs, params, output }: JobRequest,
  customer: string,
  identity: string | undefined,
): string {
  return writeComputeDetail({
    request: {
      kind,
      inputs: inputs.map(({ data, type }) => ({ data, type })),
      params,
      ...(output === undefined ? {} : { output }),
      customer,
      ...(identity === undefined ? {} : { identity }),
    },
  });
}

function read({ detail }: Assignment): ComputeDetail | undefined {
  try {
    return readComputeDetail(detail);
  } catch {
    // A provider may write what it likes: it is no progress, and at the end it is no result.
    return undefined;
  }
}

function endOf({ status }: Assignment, detail: ComputeDetail | undefined): End {
  if (status === 'done' && detail !== undefined && 'result' in detail) return detail;
  if (status !== 'done' && detail !== undefined && 'error' in detail) return detail;
  return { error: status === 'done' ? 'The provider gave no result.' : 'The provider gave no reason.', retry: true };
}

function priceOf({ detail }: Capability): JobAmount | undefined {
  try {
    const { amount_msat, bolt11 } = JSON.parse(detail) as Record<string, unknown>;
    if (typeof amount_msat !== 'number' || !Number.isSafeInteger(amount_msat) || amount_msat <= 0) return undefined;
    return { amount_msat, ...(typeof bolt11 === 'string' ? { bolt11 } : {}) };
  } catch {
    return undefined;
  }
}

function nobody(kind: number): ControlError {
  return new ControlError('unavailable', `Nobody on the lane computes requests of kind ${kind}.`);
}

function failed(message: string): ControlError {
  return new ControlError('internal', `The work failed: ${message}`);
}
