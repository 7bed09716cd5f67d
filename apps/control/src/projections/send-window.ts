import type { AppendReceipt } from '../spacetime/event-sink.ts';
import type { PendingEvent } from './outbox.ts';

/** How much of one stream may be in flight. */
export interface WindowLimits {
  /** Events. */
  readonly window: number;
  /** Payload characters; a single larger event still goes. */
  readonly windowBytes: number;
}

/** What became of one sent event: a receipt or an error. */
export type SendResult =
  | { readonly event: PendingEvent; readonly receipt: AppendReceipt; readonly error?: undefined }
  | { readonly event: PendingEvent; readonly receipt?: undefined; readonly error: unknown };

/** How to send. */
export interface SendOptions {
  /** The sequence that the first event will get; undefined when unknown, and then only that event is sent. */
  readonly expected: bigint | undefined;
  readonly append: (event: PendingEvent, expected: bigint | undefined) => Promise<SendResult>;
  readonly limits: WindowLimits;
}

/**
 * Sends the first events of a stream, several at once when each can name the sequence that it must get: an event whose
 * predecessor failed is then refused by the database instead of taking its place.
 */
export function sendWindow(events: readonly PendingEvent[], options: SendOptions): Promise<readonly SendResult[]> {
  const { expected, append, limits } = options;
  const first = events[0];
  if (first === undefined) return Promise.resolve([]);
  if (expected === undefined) return Promise.all([append(first, undefined)]);
  const sent: Promise<SendResult>[] = [];
  let room = limits.windowBytes;
  for (const event of events) {
    if (sent.length > 0 && event.payload.length > room) break;
    room -= event.payload.length;
    sent.push(append(event, expected + BigInt(sent.length)));
  }
  return Promise.all(sent);
}
