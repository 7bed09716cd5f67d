import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createGather } from '../../src/cutover/gather.ts';
import { createPolicyWaiters } from '../../src/cutover/policy-waiters.ts';
import { type CutoverHarness, quickConfig, startCutover } from '../support/cutover.ts';

// Only a limit: a busy machine may take long over the many requests of one test.
jest.setTimeout(30_000);

const open: CutoverHarness[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.control.close();
});

async function start(): Promise<CutoverHarness> {
  const config = { ...quickConfig, approvals: 0 };
  const it = await startCutover({ khala: null, cutover: { config } });
  open.push(it);
  return it;
}

const fallback = (it: CutoverHarness) =>
  it.act('anna', 'fallback', { incident: 'INC-1', expires_at: Date.now() + 600_000, units: ['u9'] });

describe('a unit that waits for a policy', () => {
  test('is answered at once when it knows an older one, and when time is up when it knows the present one', async () => {
    const it = await start();
    const older = await it.get('policy?unit=u1&after=0&wait_ms=20000', 'desktop');
    expect(older.body).toMatchObject({ policy_revision: 1, wait_ms: 20_000, next_ms: 1_000 });
    const present = await it.get('policy?unit=u1&after=1&wait_ms=20', 'desktop');
    expect(present.body).toMatchObject({ policy_revision: 1, next_ms: 1_000 });
    const plain = await it.get('policy?unit=u1', 'desktop');
    expect(plain.body).toMatchObject({ policy_revision: 1, wait_ms: 20_000, next_ms: 15_000 });
  });

  test('is answered with the next policy when there is one, long before its time is up', async () => {
    const it = await start();
    let answered = false;
    const waiting = it.get('policy?unit=u1&after=1&wait_ms=20000', 'desktop').then((answer) => {
      answered = true;
      return answer;
    });
    // Both are answered after it began to wait, so it would have been answered by now.
    for (const path of ['policy?unit=u2', 'policy?unit=u2&after=1&wait_ms=50']) await it.get(path, 'desktop');
    expect(answered).toBe(false);
    expect((await fallback(it)).status).toBe(200);
    expect((await waiting).body).toMatchObject({ policy_revision: 2, next_ms: 1_000 });
  });

  test('is let go when control closes', async () => {
    const it = await start();
    const waiting = it.get('policy?unit=u1&after=1&wait_ms=20000', 'desktop').catch(() => undefined);
    await it.get('policy?unit=u2&after=1&wait_ms=50', 'desktop');
    const began = performance.now();
    await it.control.close();
    await waiting;
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  test('has to say both what it knows and how long it waits, and no longer than 20 seconds', async () => {
    const it = await start();
    for (const query of ['after=1', 'wait_ms=5', 'after=1&wait_ms=20001', 'after=-1&wait_ms=5', 'after=x&wait_ms=5']) {
      const { status, body } = await it.get(`policy?unit=u1&${query}`, 'desktop');
      expect([query, status, body.code]).toEqual([query, 400, 'invalid_request']);
    }
  });
});

describe('waiters', () => {
  test('are bounded, go when nobody is there any more, and go in slices', async () => {
    const waiters = createPolicyWaiters({ scheduler: systemPorts.scheduler, most: 250 });
    const gone = new AbortController();
    let left = 0;
    const note = () => {
      left += 1;
    };
    const all = Array.from({ length: 249 }, () => waiters.wait(1, 60_000, new AbortController().signal).then(note));
    const aborted = waiters.wait(1, 60_000, gone.signal);
    expect(waiters.free).toBe(false);
    await waiters.wait(1, 60_000, new AbortController().signal);
    gone.abort();
    await aborted;
    expect(waiters.free).toBe(true);
    waiters.tell(1);
    await Promise.resolve();
    expect(left).toBe(0);
    waiters.tell(2);
    await Promise.resolve();
    expect(left).toBe(100);
    await Promise.all(all);
    await waiters.wait(1, 60_000, new AbortController().signal);
    waiters.close();
    expect(waiters.free).toBe(false);
  });
});

describe('what is gathered', () => {
  test('is written together and answered one by one; a write that fails refuses only its own', async () => {
    const writes: number[][] = [];
    const gather = createGather<number, string>({
      scheduler: systemPorts.scheduler,
      wait: 1,
      most: 3,
      async write(items) {
        writes.push([...items]);
        if (items.includes(9)) throw new Error('the disk is full');
        return items.map((item) => (item === 2 ? new Error('not 2') : `wrote ${item}`));
      },
    });
    const settled = await Promise.allSettled([1, 2, 3, 4].map(gather));
    expect(settled.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason)))).toEqual([
      'wrote 1',
      'Error: not 2',
      'wrote 3',
      'wrote 4',
    ]);
    expect(writes).toEqual([[1, 2, 3], [4]]);
    await expect(gather(9)).rejects.toThrow('the disk is full');
    await expect(gather(5)).resolves.toBe('wrote 5');
  });
});
