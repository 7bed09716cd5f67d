// The gate: what is committed again is refused, and leaves no second event, effect or link of the chain.
import path from 'node:path';
import { extendChain } from '@autopilot/sync-contract';
import { recordGateFacts } from '@autopilot/testing';
import { expect, test } from '@jest/globals';
import type { CheckpointStore, StreamChange } from '../../src/index.ts';
import { codeOf, event, open, streamId, withFolder, withStore } from '../support.ts';
import { chainAt, length, nextPart } from './the-log.ts';

const shown = (store: CheckpointStore) => store.counts().unsettled_effects;

/** The events of a change once more, with other sequences, as a lane that allocated them anew would bring them. */
function renumbered(change: StreamChange): StreamChange {
  const events = change.events.map((one, index) => ({ ...one, seq: change.seq + BigInt(index + 1) }));
  const chain = events.reduce((before, link) => extendChain(before, link), change.chain);
  return { ...change, expected_seq: change.seq, events, seq: change.seq + BigInt(events.length), chain };
}

function expectOnce(store: CheckpointStore): void {
  expect(store.load(streamId)).toMatchObject({ seq: BigInt(length), chain: chainAt(length) });
  expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: length });
  expect(shown(store)).toBe(length);
}

test('every part committed twice', async () => {
  await withStore(async (store) => {
    let told = 0;
    store.onCommitted(({ changes }) => {
      told += changes.flatMap(({ events }) => events).length;
    });
    let refused = 0;
    for (let part = nextPart(store, 30); part !== undefined; part = nextPart(store, 30)) {
      store.commit([part]);
      const again = part;
      expect(await codeOf(() => store.commit([again]))).toBe('position_conflict');
      refused += 1;
    }
    expectOnce(store);
    expect(told).toBe(length);
    expect(store.counts()).toMatchObject({ committed_events: length, refused_commits: refused });
    recordGateFacts({ events: 2 * length });
  });
});

test('every part again under new sequences: the keys are known', async () => {
  await withStore(async (store) => {
    for (let part = nextPart(store, 30); part !== undefined; part = nextPart(store, 30)) {
      const change = part;
      store.commit([change]);
      if (change.seq < length) {
        expect(await codeOf(() => store.commit([renumbered(change)]))).toBe('idempotency_conflict');
      }
    }
    expectOnce(store);
    recordGateFacts({ events: 2 * length });
  });
});

test('parts that overlap what is stored, also after the store was opened anew', async () => {
  await withFolder(async (folder) => {
    const file = path.join(folder, 'sync.sqlite');
    let events = 0;
    for (let turn = 0; turn * 200 < length; turn += 1) {
      const store = await open(file);
      const part = nextPart(store, 200);
      if (part === undefined) throw new Error('unreachable');
      const before = shown(store);
      if (turn > 0) {
        // From half a part before the watermark, as a lane that was rewound too far would bring it.
        const back = part.expected_seq - 100n;
        const overlapping = { ...part, expected_seq: back, events: [...repeated(back, 100), ...part.events] };
        expect(await codeOf(() => store.commit([overlapping]))).toBe('position_conflict');
        expect(shown(store)).toBe(before);
        events += overlapping.events.length;
      }
      store.commit([part]);
      events += part.events.length;
      await store.close();
    }
    const store = await open(file);
    expectOnce(store);
    await store.close();
    recordGateFacts({ events });
  });
});

test('the same events from two readers at once: one of the two commits each part', async () => {
  await withStore(async (store) => {
    let won = 0;
    let lost = 0;
    for (let turn = 0; turn * 60 < length; turn += 1) {
      const parts = [nextPart(store, 60), nextPart(store, 60)];
      for (const part of parts) {
        if (part === undefined) continue;
        if ((await codeOf(() => store.commit([part]))) === 'nothing thrown') won += 1;
        else lost += 1;
      }
    }
    expect([won, lost]).toEqual([length / 60, length / 60]);
    expectOnce(store);
    recordGateFacts({ events: 2 * length });
  });
});

test('what was done is not asked for again: settled effects stay settled when their events come back', async () => {
  await withStore(async (store) => {
    for (let part = nextPart(store, 100); part !== undefined; part = nextPart(store, 100)) {
      store.commit([part]);
      for (const { id } of store.effects({ after: 0n, limit: 1000 })) expect(store.settleEffect(id)).toBe(true);
      const again = part;
      expect(await codeOf(() => store.commit([again]))).toBe('position_conflict');
      expect(shown(store)).toBe(0);
    }
    expect(store.load(streamId)).toMatchObject({ seq: BigInt(length), chain: chainAt(length) });
    recordGateFacts({ events: 2 * length });
  });
});

function repeated(after: bigint, count: number) {
  return Array.from({ length: count }, (_, index) => event(Number(after) + index + 1));
}
