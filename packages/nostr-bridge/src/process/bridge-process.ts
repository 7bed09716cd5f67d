import { backoffDelay, type Cancel, type Ports } from '@autopilot/sync-contract';
import { type Announcement, announcementTemplate } from '../announce/announcement.ts';
import type { Publishing } from '../bridge/bridge.ts';
import type { BridgeStatus } from '../bridge/bridge-status.ts';
import { BridgeError, type BridgeErrorCode, bridgeErrors } from '../errors.ts';
import type { Job, JobRole } from '../jobs/job-store.ts';
import type { JobRequest } from '../jobs/job-tags.ts';
import type { Quote } from '../jobs/quote-store.ts';
import type { Journal } from '../outbox/journal.ts';
import type { Enqueued } from '../outbox/outbox-store.ts';
import { type DeskCounters, JournalDesk } from './journal-desk.ts';
import type { BridgeCommand, FromBridge, ProcessMemory, ToBridge } from './messages.ts';
import { type ProcessSettings, processSettings } from './process-settings.ts';
import { type ProcessInput, type ProcessState, processTransitions } from './process-states.ts';

/** A process in which a bridge is served. */
export interface BridgeWorker {
  send(message: ToBridge): void;
  /** Ends it at once. */
  terminate(): Promise<void>;
}

/** Starts a process. `ended` is called once, however it ends. */
export type SpawnBridge = (handlers: { said(message: FromBridge): void; ended(reason: string): void }) => BridgeWorker;

/** What the owner of a process gives it. */
export interface BridgeProcessParts {
  readonly ports: Ports;
  readonly spawn: SpawnBridge;
  /** What the bridge may read, in the owner's process and by the owner's means. */
  readonly journal: Journal;
  readonly settings?: Partial<ProcessSettings>;
}

/** How a process and its bridge stand. */
export interface BridgeProcessStatus {
  readonly state: ProcessState;
  /** Processes that were started. */
  readonly starts: number;
  /** Ended here: silent for too long, or with too much memory. */
  readonly ended_here: number;
  readonly last_end: string | undefined;
  readonly commands_refused: number;
  readonly stale_callbacks: number;
  readonly journal: DeskCounters;
  readonly memory: ProcessMemory | undefined;
  /** What the bridge last said of itself; of a process before this one, while there is none. */
  readonly bridge: BridgeStatus | undefined;
  /** What its process last said besides; see `ServingParts`. */
  readonly more: unknown;
}

interface Waiting {
  readonly settle: (result: unknown) => void;
  readonly refuse: (error: BridgeError) => void;
  readonly cancel: Cancel;
}

/**
 * A bridge in a process of its own, seen from its owner's. The owner waits for nothing: calls are answered later or
 * refused at once, and a bridge that hangs, grows, fails or dies is ended and begun again with backoff.
 */
export class BridgeProcess {
  readonly #parts: BridgeProcessParts;
  readonly #settings: ProcessSettings;
  readonly #waiting = new Map<number, Waiting>();
  readonly #journal: DeskCounters = { answered: 0, refused: 0, failed: 0, events: 0 };
  #state: ProcessState = 'idle';
  #worker: BridgeWorker | undefined;
  #desk: JournalDesk | undefined;
  #number = 0;
  #failures = 0;
  #starts = 0;
  #endedHere = 0;
  #refused = 0;
  #stale = 0;
  #startedAt = 0;
  #lastEnd: string | undefined;
  #memory: ProcessMemory | undefined;
  #bridge: BridgeStatus | undefined;
  #more: unknown;
  #announced: BridgeCommand | undefined;
  #cancelWatch: Cancel = () => {};
  #cancelRetry: Cancel = () => {};
  #closed: (() => void) | undefined;

  /** @throws {BridgeError} `invalid_option` */
  constructor(parts: BridgeProcessParts) {
    this.#parts = parts;
    this.#settings = processSettings(parts.settings);
  }

  start(): void {
    if (this.#move('start')) this.#spawn();
  }

  /** Stores an event in the bridge's own file. @throws {BridgeError} `bridge_away`, `bridge_silent`, or what it refuses. */
  publish(publishing: Publishing): Promise<Enqueued> {
    return this.#command({ do: 'publish', publishing }) as Promise<Enqueued>;
  }

  /** Asks a provider, or whoever answers first, once per key. */
  request(key: string, request: JobRequest): Promise<Job> {
    return this.#command({ do: 'request', key, request }) as Promise<Job>;
  }

  cancel(request_id: string): Promise<Job> {
    return this.#command({ do: 'cancel', request_id }) as Promise<Job>;
  }

  notePaid(role: JobRole, request_id: string, provider?: string): Promise<void> {
    const whose = provider === undefined ? {} : { provider };
    return this.#command({ do: 'note-paid', role, request_id, ...whose }) as Promise<void>;
  }

  quotes(request_id: string): Promise<readonly Quote[]> {
    return this.#command({ do: 'quotes', request_id }) as Promise<readonly Quote[]>;
  }

  /**
   * From now on this is what is announced, or nothing: see `Bridge.announce`. Unless it is an `invalid_option`, it is said
   * again to every process that is begun later, whatever this call is answered.
   */
  async announce(announcement: Announcement | undefined): Promise<void> {
    // Refused here, it does not take the place of what was said before.
    if (announcement !== undefined) announcementTemplate(announcement);
    this.#announced = { do: 'announce', announcement };
    await this.#command(this.#announced);
  }

  status(): BridgeProcessStatus {
    return {
      state: this.#state,
      starts: this.#starts,
      ended_here: this.#endedHere,
      last_end: this.#lastEnd,
      commands_refused: this.#refused,
      stale_callbacks: this.#stale,
      journal: { ...this.#journal },
      memory: this.#memory,
      bridge: this.#bridge,
      more: this.#more,
    };
  }

  /** Ends the process, in order when it still hears. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (!this.#move('close')) return;
    this.#cancelRetry();
    this.#cancelWatch();
    this.#refuseAll('The bridge was closed by its owner.');
    this.#desk?.close();
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    const cancel = this.#parts.ports.scheduler.after(this.#settings.closeMs, () => void worker.terminate());
    worker.send({ type: 'close' });
    await ended;
    cancel();
  }

  #command(command: BridgeCommand): Promise<unknown> {
    const { maxCommands, commandMs } = this.#settings;
    const worker = this.#worker;
    if (this.#state !== 'running' || worker === undefined || this.#waiting.size >= maxCommands) {
      this.#refused += 1;
      const why = this.#state === 'running' ? `${maxCommands} calls are not answered yet` : `it is ${this.#state}`;
      return Promise.reject(new BridgeError('bridge_away', `The bridge took nothing: ${why}.`));
    }
    this.#number += 1;
    const number = this.#number;
    return new Promise((settle, refuse) => {
      const cancel = this.#parts.ports.scheduler.after(commandMs, () => {
        this.#waiting.delete(number);
        refuse(new BridgeError('bridge_silent', `The bridge did not answer within ${commandMs} ms.`));
      });
      this.#waiting.set(number, { settle, refuse, cancel });
      worker.send({ type: 'command', number, command });
    });
  }

  #spawn(): void {
    const { ports, spawn, journal } = this.#parts;
    this.#starts += 1;
    this.#startedAt = ports.clock.monotonic();
    let worker: BridgeWorker | undefined;
    let isOver = false;
    const ended = (reason: string) => {
      if (isOver) return;
      isOver = true;
      this.#ended(reason);
    };
    try {
      worker = spawn({
        said: (message) => {
          if (isOver || worker === undefined || this.#worker !== worker) this.#stale += 1;
          else this.#heard(message, worker);
        },
        ended,
      });
    } catch (error) {
      ended(error instanceof Error ? error.message : String(error));
      return;
    }
    if (isOver) return;
    this.#worker = worker;
    this.#desk = new JournalDesk(journal, ports, this.#settings, this.#journal, (answer) => worker?.send(answer));
    this.#watch(this.#settings.startMs);
  }

  #heard(message: FromBridge, worker: BridgeWorker): void {
    if (this.#state === 'closed') return;
    this.#watch(this.#settings.silenceMs);
    switch (message.type) {
      case 'ready':
        this.#move('ready');
        // Where that is refused, the next process is told.
        if (this.#announced !== undefined) this.#command(this.#announced).catch(() => {});
        return;
      case 'failed':
        this.#lastEnd = `${message.code}: ${message.message}`;
        return;
      case 'beat':
        this.#bridge = message.status;
        this.#memory = message.memory;
        this.#more = message.more;
        if (message.memory.external > this.#settings.maxExternalBytes) {
          this.#end(worker, `It held ${message.memory.external} bytes beside its heap.`);
        }
        return;
      case 'question':
        this.#desk?.ask(message.number, message.question);
        return;
      case 'done':
        this.#settle(message.number)?.settle(message.result);
        return;
      case 'refused': {
        const { code, message: text } = message;
        const known = Object.hasOwn(bridgeErrors, code) ? (code as BridgeErrorCode) : 'internal';
        this.#settle(message.number)?.refuse(new BridgeError(known, text));
      }
    }
  }

  #settle(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    waiting?.cancel();
    return waiting;
  }

  #watch(milliseconds: number): void {
    this.#cancelWatch();
    const worker = this.#worker;
    this.#cancelWatch = this.#parts.ports.scheduler.after(milliseconds, () => {
      if (worker !== undefined) this.#end(worker, `It said nothing for ${milliseconds} ms.`);
    });
  }

  #end(worker: BridgeWorker, why: string): void {
    this.#endedHere += 1;
    this.#lastEnd = why;
    void worker.terminate();
  }

  #ended(reason: string): void {
    const { ports } = this.#parts;
    this.#cancelWatch();
    this.#desk?.close();
    this.#desk = undefined;
    this.#worker = undefined;
    this.#lastEnd ??= reason;
    this.#refuseAll('The process of the bridge has ended.');
    this.#closed?.();
    if (ports.clock.monotonic() - this.#startedAt >= this.#settings.provenMs) this.#failures = 0;
    if (!this.#move('ended')) return;
    const delay = backoffDelay(this.#settings.restart, this.#failures, ports.random);
    this.#failures += 1;
    this.#cancelRetry = ports.scheduler.after(delay, () => {
      if (!this.#move('retry')) return;
      this.#lastEnd = undefined;
      this.#spawn();
    });
  }

  #refuseAll(why: string): void {
    for (const number of [...this.#waiting.keys()]) this.#settle(number)?.refuse(new BridgeError('bridge_away', why));
  }

  #move(input: ProcessInput): boolean {
    const next = processTransitions[this.#state][input];
    if (next === undefined) this.#stale += 1;
    else this.#state = next;
    return next !== undefined;
  }
}
