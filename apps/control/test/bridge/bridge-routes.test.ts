import { BridgeError } from '@autopilot/nostr-bridge';
import { describe, expect, test } from '@jest/globals';
import { parseClients } from '../../src/config/clients-file.ts';
import { asStatus, bridgeScene } from '../support/bridge-scenes.ts';
import { bridgeStatus } from '../support/bridge-status.ts';
import { clientOf } from '../support/clients.ts';
import { startHarness } from '../support/harness.ts';

const clients = parseClients({
  clients: [clientOf('reader', ['cutover.read'], [], 'reader'), clientOf('cashier', ['sync.bridge'], [], 'reader')],
});
const config = { relays: ['wss://relay.example'], kinds: [5_050], secretKey: new Uint8Array(32).fill(1) };
const paid = (id: string) => `/v1/bridge/jobs/${id}/paid`;

describe('the routes of the bridge', () => {
  test('without a bridge say that there is none', async () => {
    const it = await startHarness({ clients });
    expect((await it.request('GET', '/v1/bridge', { as: 'reader' })).body).toEqual({ state: 'none' });
    const refused = await it.request('POST', paid('x'), { as: 'cashier' });
    expect([refused.status, refused.body.code]).toEqual([404, 'not_found']);
  });

  test('tell how it stands, and take the word of who may give it', async () => {
    const said: string[] = [];
    let answer = async (id: string) => void said.push(id);
    let closed = 0;
    const it = await startHarness({
      clients,
      bridge: config,
      openBridge: ({ secret, control }) => {
        expect([secret.length, control]).toEqual([43, expect.stringContaining('http://127.0.0.1:')]);
        return {
          status: () => bridgeStatus(true),
          notePaid: (id) => answer(id),
          close: async () => {
            closed += 1;
          },
        };
      },
    });
    expect((await it.request('GET', '/v1/bridge', { as: 'reader' })).body).toMatchObject({
      state: 'running',
      lane: { session: 'live' },
    });
    expect((await it.request('GET', '/v1/bridge', { as: 'cashier' })).status).toBe(403);
    expect((await it.request('POST', paid('x'), { as: 'reader' })).status).toBe(403);
    expect((await it.request('POST', paid('x'))).status).toBe(401);
    expect((await it.request('POST', paid('x'), { as: 'cashier' })).status).toBe(204);
    const codes: unknown[] = [];
    for (const code of ['unknown_job', 'job_refused', 'bridge_away'] as const) {
      answer = async () => {
        throw new BridgeError(code, 'no');
      };
      const { status, body } = await it.request('POST', paid('x'), { as: 'cashier' });
      codes.push([status, body.code]);
    }
    expect(codes).toEqual([
      [404, 'not_found'],
      [409, 'state_conflict'],
      [503, 'unavailable'],
    ]);
    expect(said).toEqual(['x']);
    await it.control.close();
    expect(closed).toBe(1);
  });

  test('B1: give a summary to every client, with no address and no key in it, and to nobody else', async () => {
    const known = parseClients({
      clients: [clientOf('reader', ['cutover.read'], [], 'reader'), clientOf('plain', [], [], 'reader')],
    });
    const at = '/v1/bridge/summary';
    const none = await startHarness({ clients: known });
    expect((await none.request('GET', at, { as: 'plain' })).body).toMatchObject({ state: 'none', relays: null });
    await none.control.close();
    const scene = bridgeScene(1_000);
    const it = await startHarness({
      clients: known,
      bridge: config,
      openBridge: () => ({ status: () => asStatus(scene), notePaid: async () => {}, close: async () => {} }),
    });
    for (const as of ['plain', 'reader']) {
      const { status, text, body } = await it.request('GET', at, { as });
      expect([status, body.relays, body.relays_open, body.as_of]).toEqual([200, 3, 1, 1_000]);
      expect(text).not.toMatch(/example|wss?:|[0-9a-f]{32}/);
    }
    expect((await it.request('GET', '/v1/bridge', { as: 'plain' })).status).toBe(403);
    expect((await it.request('GET', at)).status).toBe(401);
    expect((await it.request('GET', at, { as: 'plain', secret: 'wrong' })).status).toBe(401);
  });

  test('no client may have the name of the client of the bridge', () => {
    const taken = () => parseClients({ clients: [clientOf('control-bridge', [], [], 'reader')] });
    expect(taken).toThrow(expect.objectContaining({ code: 'clients_file_invalid' }));
  });
});
