import { rmSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type ScriptedDesktop, startScripted, tokenAnswer } from './support/scripted-desktop.ts';
import { chainOf, eventsOf } from './support/scripted-lane.ts';

const id = 'runtime.run.1.events';
const running: ScriptedDesktop[] = [];
const start = async (over: Parameters<typeof startScripted>[0] = {}) => {
  const scripted = await startScripted(over);
  running.push(scripted);
  return scripted;
};
afterEach(async () => {
  for (const scripted of running.splice(0).reverse()) await scripted.end();
});

describe('startDesktop', () => {
  test('the lane starts when everything else stands, and the API shows what it brings', async () => {
    const { desktop, lane } = await start();
    expect(lane.started).toBe(true);
    await lane.askToken();
    lane.grant(id);
    const events = eventsOf(id, 1, 3);
    lane.batch(events, 'live');
    const answer = await fetch(new URL('/api/state', desktop.url), {
      headers: { authorization: `Bearer ${desktop.token}` },
    });
    expect(await answer.json()).toMatchObject({
      connection: { lane: 'spacetime' },
      streams: [{ stream_id: id, seq: '3', chain: chainOf(id, events) }],
      totals: { applied: 3 },
      feed: null,
      alarms: [],
    });
    expect(desktop.state().token?.expires_at).toBeGreaterThan(Date.now());
  });

  test('a restart without control shows and follows what was stored under the last token', async () => {
    const first = await start();
    await first.lane.askToken();
    first.lane.grant(id);
    first.lane.batch(eventsOf(id, 1, 3));
    await first.desktop.close();
    const second = await start({ dataDir: first.dataDir, http: () => Promise.reject(new Error('down')) });
    expect(second.desktop.state().streams).toMatchObject([{ stream_id: id, seq: 3n }]);
    expect(second.lane.calls).toEqual([{ call: 'follow', stream_id: id, after: { epoch: 'e1', seq: 3n } }]);
  });

  test('the positions of two databases are kept apart', async () => {
    let database = 'first';
    const http = async () => ({ status: 200, headers: {}, body: tokenAnswer({ database }) });
    const { desktop, lane } = await start({ http });
    await lane.askToken();
    lane.grant(id);
    lane.batch(eventsOf(id, 1, 3));
    database = 'second';
    await lane.askToken();
    expect(desktop.state().streams).toEqual([]);
    lane.grant(id);
    expect(lane.calls.at(-1)).toEqual({ call: 'follow', stream_id: id, after: null });
    lane.batch(eventsOf(id, 1, 1, { epoch: 'other', salt: '2' }));
    database = 'first';
    await lane.askToken();
    expect(desktop.state().streams).toMatchObject([{ stream_id: id, epoch: 'e1', seq: 3n }]);
  });

  test('a second desktop on one data folder is refused, and the first goes on', async () => {
    const first = await start();
    await expect(startScripted({ dataDir: first.dataDir })).rejects.toMatchObject({ code: 'data_dir_locked' });
    first.lane.grant(id);
    first.lane.batch(eventsOf(id, 1, 1));
    expect(first.desktop.state().totals.applied).toBe(1);
  });

  test('a taken port leaves nothing open behind: the folder can be used at once', async () => {
    const first = await start();
    const port = Number(new URL(first.desktop.url).port);
    const second = await start();
    const { dataDir } = second;
    await second.desktop.close();
    await expect(startScripted({ dataDir, port })).rejects.toMatchObject({ code: 'port_taken' });
    await start({ dataDir });
  });

  test('closing closes the lane and takes every listener off it', async () => {
    const { desktop, lane, dataDir } = await start();
    await desktop.close();
    expect(lane.closed).toBe(true);
    await expect(fetch(desktop.url)).rejects.toThrow();
    rmSync(dataDir, { recursive: true });
  });

  test('neither token nor secret reaches the log, the state or an error', async () => {
    const { desktop, lane, log } = await start({
      http: async () => ({ status: 401, headers: {}, body: '{"code":"unauthorized","message":"wrong"}' }),
    });
    const error: unknown = await lane.askToken().catch((reason: unknown) => reason);
    lane.go('needs-auth', 'token_refused', String(error));
    const seen = JSON.stringify([log.lines, String(error), desktop.state().alarms, desktop.state().connection]);
    expect(desktop.state().alarms).toMatchObject([{ code: 'needs_auth' }]);
    for (const secret of ['scripted-secret', 'scripted-token', desktop.token]) expect(seen).not.toContain(secret);
  });
});
