import { streamIdForTopic, topicForStreamId } from '@autopilot/sync-contract';
import { laneConformance } from '@autopilot/sync-contract/conformance';
import { recordGateFacts } from '@autopilot/testing';
import { describe, expect, test } from '@jest/globals';
import { World } from './support/khala-world.ts';

laneConformance({ describe, test, expect }, 'the khala lane', async () => {
  const owners: Record<string, string> = {};
  const world = await World.start({ owners, enforceOwners: true, streamPage: 7, batchSize: 9 });
  let workers = 0;
  let appended = 0;
  const create = async (owner: string): Promise<string> => {
    workers += 1;
    const worker = `desktopw:host-${workers}:shared`;
    owners[worker] = owner;
    const response = await fetch(`${world.khala.url}/api/runtime/codex/workers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.khala.token()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ worker_id: worker }),
    });
    if (response.status !== 201) throw new Error(`the worker was not made: ${response.status}`);
    return streamIdForTopic(worker);
  };
  return {
    lane: () => world.client().lane,
    stream: () => create('user-1'),
    append: async (id, from, to) => {
      appended += to - from + 1;
      world.append(id, from, to);
    },
    keep: async (id, newest) => world.keep(id, newest),
    unknown: async () => streamIdForTopic('desktopw:nobody:shared'),
    forbidden: () => create('user-2'),
    cut: () => void world.khala.faults.inject({ fault: 'tcp_close' }),
    until: async (condition, what) => void (await world.until(condition, what)),
    // A whole turn through khala: what was under way before has happened by then.
    settle: async () => {
      const id = streamIdForTopic(`desktopw:settle:${topicForStreamId(await create('user-1'))}`);
      const { lane, events } = world.client();
      world.append(id, 1, 1);
      lane.follow(id, null);
      lane.start();
      await world.until(() => events(id).length === 1 && lane.state === 'live', 'the probe');
      await lane.close();
    },
    leftovers: () => world.counted.leftovers(),
    dispose: () => {
      recordGateFacts({ events: appended });
      return world.close();
    },
  };
});
