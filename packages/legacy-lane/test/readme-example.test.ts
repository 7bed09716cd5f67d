// The example of README.md, compiled and run; the last tests compare its text and its table with the code.
import { readFileSync } from 'node:fs';
import { createKhalaLane, createKhalaPublisher, type KhalaLane, migrateCursor } from '@autopilot/legacy-lane';
import { type SocketFactory, type SyncEvent, streamIdForTopic } from '@autopilot/sync-contract';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { expect, test } from '@jest/globals';
import { khalaCloseReasons, khalaErrors } from '../src/index.ts';
import { World } from './support/khala-world.ts';

/** Reads the stream of one worker. `askToken` posts to /api/khala/token. */
function readWorker(
  url: string,
  worker: string,
  socket: SocketFactory,
  askToken: () => Promise<{ token: string; expires_at: number }>,
  apply: (events: readonly SyncEvent[]) => void,
): KhalaLane {
  const cursors = new Map<string, bigint>();
  const lane = createKhalaLane({
    ports: systemPorts,
    http: systemHttp,
    socket,
    url,
    token: askToken,
    owns: (workerId) => workerId === worker,
    build: { client_build_id: '20260101T000000Z', protocol_version: 'khala.ws.v1', schema_version: 1 },
    cursors: { load: (topic) => cursors.get(topic) ?? null, save: (topic, at) => void cursors.set(topic, at) },
  });
  lane.listen((signal) => {
    if (signal.type === 'batch') apply(signal.events);
    // What is below the floor is gone: say so, then go on from there.
    if (signal.type === 'stale') lane.rewind(signal.stream_id, signal.floor);
  });
  lane.follow(streamIdForTopic(worker), null);
  lane.start();
  return lane;
}

/** Appends an event once, however often it is called with the same key. */
async function mirror(url: string, token: string, worker: string): Promise<bigint> {
  const publisher = createKhalaPublisher({ http: systemHttp, url, token: () => token });
  const draft = { kind: 'note', payload: '{"n":1}', idempotency_key: 'first', epoch: 'epoch-1' };
  const { seq } = await publisher.publish(worker, draft, { after: 0n, doubt: true });
  return seq;
}

/** Where to go on after an old client that stored this, and had applied the worker's first 12 events. */
const migration = migrateCursor({
  persisted: { schema_version: 1, topic_watermarks: { 'runtime.codex_worker_events': 900 }, updated_at_unix_ms: 0 },
  workers: [{ worker_id: 'w', applied_seq: 12n, epoch: 'epoch-1', head: 40n, first_kept: 1n }],
});

test('the example reads what it mirrors, once', async () => {
  const world = await World.start();
  const { khala, counted } = world;
  const seen: SyncEvent[] = [];
  expect([await mirror(khala.url, khala.token(), 'w'), await mirror(khala.url, khala.token(), 'w')]).toEqual([1n, 1n]);
  const askToken = async () => ({ token: khala.token(), expires_at: Date.now() + 300_000 });
  const lane = readWorker(khala.url, 'w', counted.socket, askToken, (events) => void seen.push(...events));
  await world.until(() => lane.state === 'live' && seen.length === 1, 'the event');
  expect(seen).toMatchObject([{ epoch: 'epoch-1', seq: 1n, kind: 'note', payload: '{"n":1}' }]);
  await lane.close();
  await world.close();
  expect(migration.streams['runtime.w']).toMatchObject({ outcome: 'resume', after: { epoch: 'epoch-1', seq: 12n } });
});

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the example is the one of the README', () => {
  const [, fenced = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const blocks = fenced.split('\n\n').map((block) => block.trim());
  expect(blocks.length).toBeGreaterThan(2);
  for (const block of blocks.flatMap((text) => (text.startsWith('import') ? text.split('\n') : [text]))) {
    expect(source).toContain(block);
  }
});

test('the table of errors is the one of the code', () => {
  const rows = [...readme.matchAll(/^\| `(\w+)` *\| *([\w-]*) *\| *([\w-]+) *\| (.*?) *\|$/gm)].map((row) =>
    row.slice(1),
  );
  const after: Record<string, { aftermath: string }> = khalaCloseReasons;
  expect(rows).toEqual(
    Object.entries(khalaErrors).map(([code, { recovery, next }]) => [
      code,
      after[code]?.aftermath ?? '',
      recovery,
      next,
    ]),
  );
});
