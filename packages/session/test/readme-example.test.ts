// The example of README.md, compiled and run; the last test compares the text of both.
import { readFileSync } from 'node:fs';
import { createSession, nodeSocketFactory, type Session, type TokenProvider } from '@autopilot/session';
import { draftEvent, type SyncEvent } from '@autopilot/sync-contract';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { expect, test } from '@jest/globals';
import { Embedded, until } from './support/embedded.ts';

/** Reads every stream that this account may read. `token` asks control, see SessionToken. */
function readEverything(token: TokenProvider, apply: (events: readonly SyncEvent[]) => void): Session {
  const session = createSession({
    token,
    ports: systemPorts,
    socket: nodeSocketFactory,
    http: systemHttp,
    clientId: 'laptop-1',
    readMode: 'confirmed',
    followGranted: true,
  });
  session.onGrants(({ added }) => {
    // Give the position after the last event that is stored; null when there is none.
    for (const { stream_id } of added) session.follow(stream_id, null);
  });
  session.listen((signal) => {
    if (signal.type === 'batch') apply(signal.events);
    // Take a snapshot first, if there is one to take; then go on from the floor.
    if (signal.type === 'stale') session.rewind(signal.stream_id, signal.floor);
  });
  session.start();
  return session;
}

/** Appends one event. Safe to repeat with the same key: the second time it is a duplicate at the same place. */
async function append(session: Session, stream_id: string, key: string, payload: unknown): Promise<bigint> {
  const draft = draftEvent({ stream_id, kind: 'note', payload, idempotency_key: key });
  const { seq } = await session.appendSyncEvent(draft);
  return seq;
}

test('the example reads what it appends', async () => {
  const world = await Embedded.start();
  const admin = world.client('admin');
  admin.session.start();
  await admin.session.createStream('runtime.example', 'test', 'inbox');
  await admin.session.grantStream(world.client('reader').identity, 'runtime.example', 'writer');
  const seen: SyncEvent[] = [];
  const session = readEverything(
    async () => ({
      token: world.issuer.token('reader', 'sync.subscribe sync.append'),
      expires_at: Date.now() + 600_000,
      refresh_after: Date.now() + 450_000,
      uri: world.host.url,
      database: 'sync',
    }),
    (events) => seen.push(...events),
  );
  expect(await append(session, 'runtime.example', 'first', { n: 1 })).toBe(1n);
  expect(await append(session, 'runtime.example', 'first', { n: 1 })).toBe(1n);
  expect(await append(session, 'runtime.example', 'second', { n: 2 })).toBe(2n);
  await until(() => seen.length === 2);
  expect(seen.map(({ payload }) => payload)).toEqual(['{"n":1}', '{"n":2}']);
  await session.close();
  await world.close();
});

test('the example is the one of the README', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, fenced = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const blocks = fenced.split('\n\n').map((block) => block.trim());
  expect(blocks.length).toBeGreaterThan(2);
  for (const block of blocks.flatMap((text) => (text.startsWith('import') ? text.split('\n') : [text]))) {
    expect(source).toContain(block);
  }
});

test('the table of errors is the one of the code', async () => {
  const { closeReasons, sessionErrors } = await import('@autopilot/session');
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `(\w+)` *\| *([\w-]*) *\| *([\w-]+) *\| (.*?) *\|$/gm)];
  const after: Record<string, { aftermath: string }> = closeReasons;
  expect(rows.map(([, code, aftermath, recovery, next]) => [code, aftermath, recovery, next])).toEqual(
    Object.entries(sessionErrors).map(([code, { recovery, next }]) => [
      code,
      after[code]?.aftermath ?? '',
      recovery,
      next,
    ]),
  );
});
