import { concatenated } from '../wire/frame.ts';
import type { Protocol } from '../wire/protocol.ts';

const messagesPerPayload = 4096;
const bytesPerPayload = 512 * 1024;
/** Bytes handed to the socket that have not left; beyond them messages wait here, where they are joined and counted. */
const bytesInFlight = 1024 * 1024;

/** What the outbox needs to know of the connection. */
export interface OutboxOptions {
  readonly protocol: Protocol;
  /** Messages that may wait. */
  readonly longest: number;
  /** Whether messages wait until what they tell of is on disk. */
  readonly confirmed: boolean;
  durableOffset(): bigint;
  /** Messages wait for the disk: {@link Outbox.wake} is to be called when more is there. */
  untilDurable(): void;
  /** Sends one body; calls `sent` when it has left. */
  transmit(body: Uint8Array, sent: () => void): void;
  /** The client is too slow. */
  overflow(): void;
}

/** Messages on their way to one client, first in, first out. */
export class Outbox {
  private readonly options: OutboxOptions;
  private queue: { readonly message: Uint8Array; readonly offset: bigint | undefined }[] = [];
  /** How many at the front of the queue are gone already: taking one by one must not move all others each time. */
  private gone = 0;
  private inFlight = 0;
  private isFlushScheduled = false;
  private isStopped = false;
  private isPaused = false;

  constructor(options: OutboxOptions) {
    this.options = options;
  }

  get length(): number {
    return this.queue.length - this.gone;
  }

  push(message: Uint8Array, offset: bigint | undefined): void {
    if (this.isStopped) return;
    this.queue.push({ message, offset });
    if (this.length > this.options.longest) {
      this.stop();
      this.options.overflow();
      return;
    }
    this.schedule();
  }

  /** Looks again for messages that may go: more is durable, or a stall has ended. */
  wake(): void {
    if (this.length > 0) this.schedule();
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.wake();
  }

  stop(): void {
    this.isStopped = true;
    this.queue = [];
    this.gone = 0;
  }

  /** At the end of the turn, so that what one turn brings forth goes in one payload. */
  private schedule(): void {
    if (this.isFlushScheduled) return;
    this.isFlushScheduled = true;
    queueMicrotask(() => {
      this.isFlushScheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    while (!this.isStopped && !this.isPaused && this.inFlight < bytesInFlight) {
      const messages = this.take();
      if (messages.length === 0) {
        if (this.length > 0) this.options.untilDurable();
        return;
      }
      const body = concatenated(messages);
      this.inFlight += body.length;
      this.options.transmit(body, () => {
        this.inFlight -= body.length;
        this.wake();
      });
    }
  }

  private take(): Uint8Array[] {
    const durable = this.options.confirmed ? this.options.durableOffset() : undefined;
    const most = this.options.protocol === 'v2.bsatn.spacetimedb' ? 1 : messagesPerPayload;
    const taken: Uint8Array[] = [];
    let bytes = 0;
    for (let next = this.queue[this.gone]; next !== undefined; next = this.queue[this.gone]) {
      const { message, offset } = next;
      const mustWait = durable !== undefined && offset !== undefined && offset > durable;
      if (mustWait || taken.length >= most || (taken.length > 0 && bytes + message.length > bytesPerPayload)) break;
      taken.push(message);
      bytes += message.length;
      this.gone += 1;
    }
    if (this.gone * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.gone);
      this.gone = 0;
    }
    return taken;
  }
}
