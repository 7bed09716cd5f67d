import { buildBundle } from '@autopilot/autopilot-sync/bundle';
import { startEmbedded } from '@autopilot/spacetime-embedded';
import { expect, test } from '@jest/globals';

test('the example of the README', async () => {
  const host = await startEmbedded({ module: await buildBundle(), database: 'sync', listen: '127.0.0.1:0' });
  const answer = await fetch(`${host.url}/v1/database/sync/call/configure`, {
    method: 'POST',
    headers: { authorization: `Bearer ${host.ownerToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(['https://control.example', 'autopilot-sync']),
  });
  expect(answer.status).toBe(200);
  await host.close();
});
