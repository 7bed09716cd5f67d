import { type ChainedEvent, chainedEvents } from '../wire/events.ts';
import { encodeRows, writeLiveRow } from '../wire/rows.ts';
import { transactionUpdates } from '../wire/server-frames.ts';
import { connectSubject, type SubjectName } from './subjects.ts';

/** Memory after so many events, once everything that can be collected was. */
export interface MemorySample {
  readonly events: number;
  /** Megabytes (2^20). Of the process. */
  readonly rss: number;
  /** Used by objects of JavaScript. */
  readonly heap: number;
  /** ArrayBuffers. */
  readonly buffers: number;
}

const batch = 128;
/** Events that are made, handed over and forgotten at a time. */
const chunk = batch * 100;

/**
 * Hands events to one of the subjects and tells of the memory at the beginning and after every `every` events. Needs
 * --expose-gc.
 */
export async function watchMemory(
  name: SubjectName,
  { events, every }: { readonly events: number; readonly every: number },
  tell: (sample: MemorySample) => void,
): Promise<void> {
  const subject = await connectSubject(name);
  const source = chainedEvents(events);
  tell(sample(0));
  let next = every;
  for (let done = 0; done < events; ) {
    const some = take(source, Math.min(chunk, events - done));
    const rows = encodeRows(some, some.length, writeLiveRow);
    for (const frame of transactionUpdates(() => subject.querySetId, 'live_inbox', subject.kind, rows, batch)) {
      subject.receive(frame);
    }
    done += some.length;
    if (subject.seen !== done) throw new Error(`${name} has dealt with ${subject.seen} of ${done} events.`);
    // What waits for its turn on the event loop belongs to the past as well.
    await new Promise((resolve) => setImmediate(resolve));
    if (done < next && done < events) continue;
    tell(sample(done));
    next += every;
  }
  await subject.close();
}

function take(source: Generator<ChainedEvent>, count: number): ChainedEvent[] {
  const events: ChainedEvent[] = [];
  for (let left = count; left > 0; left -= 1) {
    const { value } = source.next();
    if (value !== undefined) events.push(value);
  }
  return events;
}

function sample(events: number): MemorySample {
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { events, rss: megabytes(rss), heap: megabytes(heapUsed), buffers: megabytes(arrayBuffers) };
}

function megabytes(bytes: number): number {
  return Number((bytes / 2 ** 20).toFixed(1));
}

/** Bytes of heap that each event adds: the slope of the line that fits the samples best, the first one left out. */
export function heapPerEvent(samples: readonly MemorySample[]): number {
  const [, ...rest] = samples;
  const mean = (of: (sample: MemorySample) => number) => rest.reduce((sum, each) => sum + of(each), 0) / rest.length;
  const [events, heap] = [mean((each) => each.events), mean((each) => each.heap)];
  const both = rest.reduce((sum, each) => sum + (each.events - events) * (each.heap - heap), 0);
  const square = rest.reduce((sum, each) => sum + (each.events - events) ** 2, 0);
  return (both / square) * 2 ** 20;
}
