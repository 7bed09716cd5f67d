import { buildBundle } from '../../../modules/autopilot-sync/bundle.mjs';
import { identityOf } from '../../../packages/spacetime-embedded/src/index.ts';
import { checkStreamLog, type StreamEvent, type StreamLog } from './check-stream-log.ts';
import { checkStreamRecord } from './check-stream-record.ts';
import { type Database, sql } from './http-api.ts';
import { type Issuer, startIssuer } from './issuer.ts';
import { openSession } from './session-options.ts';
import { streamIds } from './stream-ids.ts';
import type { Workload } from './workload.ts';

/** Streams of the module autopilot-sync, with the grants, watches and pages that it asks for. */
export async function streamsWorkload(): Promise<Workload> {
  const issuer = await startIssuer();
  return {
    name: 'streams',
    bundle: buildBundle,
    prepare: (database, subscribers) => prepare(issuer, database, subscribers),
    async token(_database, { role, number }) {
      const scope = role === 'writer' ? 'sync.append sync.admin sync.subscribe' : 'sync.subscribe';
      return issuer.token(`${role}-${number}`, scope);
    },
    head: async (database) => (await readLog(database)).length,
    async judge(database) {
      const events = await readLog(database);
      const log: StreamLog = Map.groupBy(events, ({ stream }) => stream);
      return {
        transactions: events.length,
        logs: streamIds.length,
        server: (writers) => checkStreamLog(log, writers),
        subscriber: (record, reads) => checkStreamRecord(record, log, reads),
        log: events,
      };
    },
    close: () => issuer.close(),
  };
}

async function prepare(issuer: Issuer, database: Database, subscribers: number): Promise<void> {
  const { url: uri, name } = database;
  const target = { uri, database: name, reads: 'confirmed', workload: 'streams' } as const;
  const owner = openSession({ ...target, token: database.token, name: 'owner' });
  owner.start();
  await owner.configure(issuer.url, issuer.audience);
  await owner.close();
  const token = issuer.token('admin', 'sync.admin');
  const admin = openSession({ ...target, token, name: 'admin' });
  admin.start();
  for (const stream of streamIds) {
    await admin.createStream(stream, 'check', 'inbox');
    for (let number = 0; number < subscribers; number += 1) {
      await admin.grantStream(identityOf(issuer.url, `subscriber-${number}`), stream, 'reader');
    }
  }
  await admin.close();
}

async function readLog(database: Database): Promise<StreamEvent[]> {
  const columns = 'stream_id, seq, idempotency_key, payload_hash, committed_at';
  const rows = await sql<[string, number, string, string, [number]]>(database, `SELECT ${columns} FROM sync_event`);
  return rows
    .map(([stream, seq, key, hash, [at]]) => ({ stream, seq, key, hash, at }))
    .sort((one, other) => one.stream.localeCompare(other.stream) || one.seq - other.seq);
}
