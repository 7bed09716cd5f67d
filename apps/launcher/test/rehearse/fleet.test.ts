import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { readSimulated } from '../../src/rehearse/fleet.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

const unit = {
  ...{ unit: 'u', lane: 'khala', rule: 'S0.1', stage: 0, revision: 1, session: 'live', applied: 3, duplicates: 0 },
  ...{ conflicts: 0, resets: 0, refused_writes: 0, handovers: { done: 0, failed: 0, longest_ms: null }, chains: {} },
};

test.each([
  [{ khala: { role: 'active', lag: '2' }, spacetime: { role: 'shadow', lag: '70' } }, 70],
  [{ khala: { role: 'off', lag: null }, spacetime: { role: 'active', lag: '3' } }, 3],
  [{ khala: { role: 'active', lag: '2' }, spacetime: { role: 'next', lag: null } }, null],
  [{}, null],
])(
  'a unit is as far behind as the slower of its open lanes, and what one does not know nobody knows: %j',
  async (lanes, behind) => {
    const listening = createServer((_request, response) =>
      response.end(JSON.stringify({ units: [{ ...unit, lanes }] })),
    );
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    expect((await readSimulated(url)).map((each) => each.behind)).toEqual([behind]);
  },
);
