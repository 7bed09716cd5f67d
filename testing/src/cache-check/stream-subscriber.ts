import { existsSync, readFileSync } from 'node:fs';
import type { StreamPosition } from '@autopilot/sync-contract';
import { readRecord } from './record.ts';
import type { RecordFile } from './record-file.ts';
import { openSession } from './session-options.ts';
import { streamIds } from './stream-ids.ts';
import type { SubscriberConfig } from './subscriber-config.ts';

/** Where an earlier process of this record has come to in each stream. */
export function positionsIn(path: string): Map<string, StreamPosition> {
  const positions = new Map<string, StreamPosition>();
  if (!existsSync(path)) return positions;
  for (const line of readRecord(readFileSync(path, 'utf8')).lines) {
    if (line.k === 'rewound') positions.set(line.stream, { epoch: line.epoch, seq: BigInt(line.to) });
    const last = line.k === 'batch' ? line.events.at(-1) : undefined;
    if (line.k === 'batch' && last !== undefined) {
      positions.set(line.stream, { epoch: line.epoch, seq: BigInt(last.seq) });
    }
  }
  return positions;
}

/** Follows the streams with our session, from where the record ends, and records every batch. */
export function startStreamSubscriber(
  config: SubscriberConfig,
  record: RecordFile,
  positions: Map<string, StreamPosition>,
): void {
  const session = openSession({ ...config, name: `subscriber-${process.pid}` });
  const shown = () => [...positions.values()].reduce((sum, { seq }) => sum + Number(seq), 0);
  session.listen((signal) => {
    const at = Date.now();
    if (signal.type === 'batch') {
      const { stream_id: stream, events, source } = signal;
      const last = events.at(-1);
      if (last === undefined) return;
      positions.set(stream, { epoch: last.epoch, seq: last.seq });
      record.write({
        ...{ k: 'batch', at, stream, source, epoch: last.epoch },
        events: events.map(({ seq, idempotency_key: key, payload_hash: hash, committed_at }) => ({
          ...{ seq: Number(seq), key, hash, at: Number(committed_at) },
        })),
        view: { n: shown() },
      });
    } else if (signal.type === 'stale') {
      const { stream_id: stream, reason, floor } = signal;
      positions.set(stream, floor);
      record.write({ k: 'rewound', at, stream, reason, epoch: floor.epoch, to: Number(floor.seq) });
      session.rewind(stream, floor);
    } else if (signal.type === 'stream-closed') {
      record.write({ k: 'failed', at, message: `${signal.stream_id} was closed: ${signal.message}` });
    } else if (signal.type === 'state' && signal.to === 'backoff') {
      record.write({ k: 'lost', at, reason: session.status().last_close?.code ?? '' });
    } else if (signal.type === 'state' && (signal.to === 'failed' || signal.to === 'needs-auth')) {
      record.write({ k: 'failed', at, message: session.status().last_close?.message ?? signal.to });
    }
  });
  for (const stream of streamIds) session.follow(stream, positions.get(stream) ?? null);
  session.start();
}
