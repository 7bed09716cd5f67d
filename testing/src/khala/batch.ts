import type { TopicEntry, TopicLog } from './topic-log.ts';

/** An update batch, serialised once for every socket that gets it. */
export interface Batch {
  /** The watermark after which it starts. */
  readonly from: number;
  /** The watermark up to which nothing more is to be sent. */
  readonly to: number;
  /** The payload of sync:update_batch as JSON; null when the range holds nothing to push. */
  readonly payload: string | null;
  /** The payload of the twin sync:frame as JSON. */
  readonly twin: string | null;
  /** How often it is pushed. */
  readonly copies: number;
  /** Sent as a binary message. */
  readonly binary: boolean;
  /** The whole messages by join reference: sockets share them. */
  readonly messages: Map<string | null, readonly Buffer[]>;
}

/** How the faults change a batch. */
export interface BatchFaults {
  readonly duplicate: boolean;
  readonly reorder: boolean;
  readonly binary: boolean;
  readonly twin: 'sound' | 'malformed-base64' | 'malformed-json';
}

/** What a batch is made of. */
export interface BatchRange {
  readonly log: TopicLog;
  readonly entries: readonly TopicEntry[];
  readonly from: number;
  readonly to: number;
  readonly twins: boolean;
  readonly faults: BatchFaults;
}

/** Serialises a range of a topic. */
export function buildBatch({ log, entries, from, to, twins, faults }: BatchRange): Batch {
  const base = { from, to, copies: faults.duplicate ? 2 : 1, binary: faults.binary, messages: new Map() };
  const last = entries.at(-1);
  if (last === undefined) return { ...base, payload: null, twin: null };
  const topic = JSON.stringify(log.name);
  const updates = entries.map((entry) => updateText(topic, entry));
  if (faults.reorder) updates.reverse();
  const heads = `[{"topic":${topic},"watermark":${log.head}}]`;
  const payload = `{"updates":[${updates.join(',')}],"replay_complete":${to >= log.head},"head_watermarks":${heads}}`;
  const twin = twins ? twinOf(log.name, last.watermark, 'UPDATE_BATCH', payload, faults.twin) : null;
  return { ...base, payload, twin };
}

function updateText(topic: string, entry: TopicEntry): string {
  return (
    `{"topic":${topic},"doc_key":${JSON.stringify(entry.doc_key)},"doc_version":${entry.doc_version},` +
    `"payload":${entry.payload ?? 'null'},"payload_hash":${JSON.stringify(entry.payload_hash)},` +
    `"watermark":${entry.watermark},"hydration_required":${entry.payload === null}}`
  );
}

/** The payload of sync:frame: the same content once more, in base64. `seq` is 0 for errors. */
export function twinOf(
  topic: string,
  seq: number,
  kind: 'UPDATE_BATCH' | 'ERROR',
  payload: string,
  form: BatchFaults['twin'] = 'sound',
): string {
  const bytes = form === 'malformed-json' ? payload.slice(0, -1) : payload;
  const base64 = form === 'malformed-base64' ? '%%%not-base64%%%' : Buffer.from(bytes).toString('base64');
  return JSON.stringify({ topic, seq, kind: `KHALA_FRAME_KIND_${kind}`, payload_bytes: base64, schema_version: 1 });
}

/** One message of the channel: five elements, the payload given as JSON text. */
export function frameText(joinRef: string | null, ref: string | null, event: string, payload: string): string {
  return `[${JSON.stringify(joinRef)},${JSON.stringify(ref)},"sync:v1",${JSON.stringify(event)},${payload}]`;
}

/** The messages of a batch for one join reference, made at the first call. */
export function messagesOf(batch: Batch, joinRef: string | null): readonly Buffer[] {
  const made = batch.messages.get(joinRef);
  if (made !== undefined) return made;
  const one: Buffer[] = [];
  if (batch.payload !== null) one.push(Buffer.from(frameText(joinRef, null, 'sync:update_batch', batch.payload)));
  if (batch.twin !== null) one.push(Buffer.from(frameText(joinRef, null, 'sync:frame', batch.twin)));
  const all = Array.from({ length: batch.copies }, () => one).flat();
  batch.messages.set(joinRef, all);
  return all;
}
