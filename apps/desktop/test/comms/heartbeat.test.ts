import { SyncError } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { createHeartbeat } from '../../src/comms/heartbeat.ts';
import { memoryLog } from '../support/memory-log.ts';

/** A heart whose control answers as a test says; `settle` lets promises run. */
function bench() {
  const ports = manualPorts();
  const asked: { readonly at: number; readonly body: object }[] = [];
  const revisions: number[] = [];
  let made = 0;
  let confirmed = 0;
  const confirm = () => {
    confirmed += 1;
  };
  let answer: () => Promise<{ status: number; json: unknown }> = async () => ({
    status: 200,
    json: { policy_revision: 7, next_ms: 4000 },
  });
  const heart = createHeartbeat({
    ...{ ports, log: memoryLog() },
    ask: (_method, _path, body) => {
      asked.push({ at: ports.clock.monotonic(), body: body as object });
      return answer();
    },
    body: () => {
      made += 1;
      return { body: { beat: made }, confirm };
    },
    sawRevision: (revision) => revisions.push(revision),
  });
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  const advance = async (milliseconds: number) => {
    for (let gone = 0; gone < milliseconds; gone += 50) {
      ports.advance(50);
      await settle();
    }
  };
  return {
    ...{ ports, heart, asked, revisions, settle, advance },
    confirmed: () => confirmed,
    answerWith: (next: typeof answer) => {
      answer = next;
    },
  };
}

describe('the heartbeat', () => {
  test('H15: beats as control says, and soon after a change, once for many', async () => {
    const { heart, asked, advance, revisions } = bench();
    heart.changed();
    await advance(10_000);
    expect(asked).toEqual([]);
    heart.start();
    await advance(100);
    expect([asked.length, heart.sent, revisions]).toEqual([1, 1, [7]]);
    await advance(3800);
    expect(asked).toHaveLength(1);
    for (let times = 0; times < 50; times += 1) heart.changed();
    await advance(300);
    expect(asked).toHaveLength(2);
    await advance(4100);
    expect(asked).toHaveLength(3);
  });

  test('H15: never has two under way, and what changed meanwhile goes out afterwards', async () => {
    const { heart, asked, advance, settle, answerWith } = bench();
    let release = () => {};
    answerWith(
      () =>
        new Promise((resolve) => {
          release = () => resolve({ status: 200, json: {} });
        }),
    );
    heart.start();
    await advance(100);
    heart.changed();
    await advance(60_000);
    expect(asked).toHaveLength(1);
    release();
    await settle();
    await advance(300);
    expect(asked).toHaveLength(2);
  });

  test('H15: a control that is away is asked less and less often, and nothing is confirmed', async () => {
    const { heart, asked, advance, confirmed, answerWith } = bench();
    answerWith(() => Promise.reject(new SyncError('unavailable', 'away')));
    heart.start();
    await advance(200_000);
    const gaps = asked.slice(1, 6).map(({ at }, index) => Math.round((at - (asked[index]?.at ?? 0)) / 1000));
    expect(gaps).toEqual([5, 10, 20, 40, 60]);
    heart.changed();
    const before = asked.length;
    await advance(1000);
    expect([asked.length, confirmed(), heart.sent]).toEqual([before, 0, 0]);
    expect(heart.last).toEqual({ at: null, error: 'away' });
    answerWith(async () => ({ status: 500, json: {} }));
    await advance(60_000);
    expect(heart.last.error).toBe('Control answered 500 to a heartbeat.');
    answerWith(async () => ({ status: 200, json: {} }));
    await advance(60_000);
    expect([heart.last.error, heart.sent > 0, confirmed() > 0]).toEqual([null, true, true]);
  });

  test('H15: its end waits a second at most', async () => {
    const { heart, ports, asked, advance, answerWith } = bench();
    heart.start();
    await advance(100);
    answerWith(() => new Promise(() => {}));
    let ended = false;
    void heart.close().then(() => {
      ended = true;
    });
    await advance(500);
    expect([ended, asked.length]).toEqual([false, 2]);
    await advance(600);
    expect([ended, ports.pending]).toEqual([true, 0]);
  });
});
