import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseSimulatedOptions } from '../../src/simulated/options.ts';
import { type SimulatedDesktops, startSimulated } from '../../src/simulated/start-simulated.ts';
import { cutoverControl } from '../support/cutover-control.ts';
import { memoryLog } from '../support/memory-log.ts';
import { goLive } from '../support/pipeline-bench.ts';
import { chainOf, eventsOf, ScriptedLane } from '../support/scripted-lane.ts';

const id = 'runtime.run.1.events';
let dir: string;
let running: SimulatedDesktops | undefined;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'desktop-simulated-'));
});
afterEach(async () => {
  await running?.close();
  running = undefined;
  rmSync(dir, { recursive: true, force: true });
});

const start = async (units: number, nullRun?: 'spacetime') => {
  const control = cutoverControl({ stage: 2 });
  const lanes: ScriptedLane[] = [];
  running = await startSimulated({
    ...{ units, unitPrefix: 'sim', control: 'http://control.test', khala: undefined, dataDir: dir, port: 0 },
    ...{ clients: ['a', 'b'].map((clientId) => ({ clientId, clientSecret: 'secret' })), staggerMs: 0 },
    ...{ dwellMs: 1, liveWithinMs: 1000, heartbeatMs: 50, environment: 'test', pid: 1, env: {} },
    ...{ nullRun, nullRunUnits: 2 },
    ...{ ports: systemPorts, http: control.http, log: memoryLog() },
    socket: () => {
      throw new Error('a scripted lane opens no socket');
    },
    createLane: (token) => {
      const lane = new ScriptedLane(token);
      lanes.push(lane);
      return lane;
    },
  });
  return { control, lanes, url: running.url };
};

describe('simulated desktops', () => {
  test('are desktops of their own, each with its unit, client and store, and tell how they stand', async () => {
    const { control, lanes, url } = await start(5);
    expect(readdirSync(dir).sort()).toEqual(['sim-001', 'sim-002', 'sim-003', 'sim-004', 'sim-005']);
    for (const [index, lane] of lanes.entries()) {
      await lane.askToken();
      lane.grant(id);
      goLive(lane);
      lane.batch(eventsOf(id, 1, index + 1), 'live');
    }
    const asked = async () =>
      (await (await fetch(new URL('/state', url))).json()) as ReturnType<SimulatedDesktops['state']>;
    await waitFor(async () => (await asked()).units.every(({ revision }) => revision === 1), {
      describe: 'the policy',
    });
    const { units } = await asked();
    units.forEach((unit, index) => {
      expect(unit).toMatchObject({
        ...{ unit: `sim-00${index + 1}`, client_id: index % 2 === 0 ? 'a' : 'b', lane: 'spacetime', rule: 'S2.1' },
        ...{ stage: 2, applied: index + 1, duplicates: 0, gaps: 0, conflicts: 0, session: 'live', phase: 'steady' },
        chains: { [id]: { epoch: 'e1', seq: String(index + 1), chain: chainOf(id, eventsOf(id, 1, index + 1)) } },
      });
    });
    await waitFor(() => new Set(control.heartbeats.map(({ unit }) => unit)).size === 5, { describe: 'all heartbeats' });
  });

  test('read a lane twice in as many units as were asked for', async () => {
    const { lanes } = await start(3, 'spacetime');
    expect(lanes).toHaveLength(5);
    const states = running?.state().units.map(({ null_run }) => null_run?.running ?? null);
    expect(states).toEqual([true, true, null]);
  });

  test('answer nobody who comes from a page, and nothing but the state', async () => {
    const { url } = await start(1);
    expect((await fetch(new URL('/state', url), { headers: { origin: 'http://evil.test' } })).status).toBe(403);
    expect((await fetch(new URL('/other', url))).status).toBe(404);
    expect((await fetch(new URL('/state', url), { method: 'POST' })).status).toBe(404);
  });

  test('read their clients from a file, and say what is wrong with a command line', () => {
    const clients = path.join(dir, 'clients.json');
    writeFileSync(clients, '[{"client_id":"a","secret":"s"}]');
    const good = ['--units', '3', '--control', 'http://127.0.0.1:1', '--clients', clients];
    expect(parseSimulatedOptions(good)).toMatchObject({
      ...{ units: 3, clients: [{ clientId: 'a', clientSecret: 's' }], khala: undefined, staggerMs: 20, port: 0 },
    });
    expect(parseSimulatedOptions(['--help'])).toBe('help');
    const wrong: readonly (readonly [readonly string[], string])[] = [
      [['--units', '0', ...good.slice(2)], '--units must be a number from 1 to 1000.'],
      [good.slice(0, 2), '--control is missing.'],
      [good.slice(0, 4), 'Give --client-id with --client-secret-file, or --clients.'],
      [[...good, '--listen', '0.0.0.0:1'], '--listen must be 127.0.0.1:PORT.'],
      [[...good, '--khala', 'ws://x'], '--khala "ws://x" is not an http URL.'],
      [[...good, '--dwell-ms', '-1'], 'dwell-ms'],
      [[...good, '--null-run', 'both'], '--null-run must be khala or spacetime, not "both".'],
      [[...good, '--null-run', 'khala'], '--null-run khala needs --khala.'],
      [[...good, '--null-run', 'spacetime', '--null-run-units', '4'], '--null-run-units must be a number from 1 to 3.'],
      [[...good, '--null-run-units', '2'], '--null-run-units needs --null-run.'],
    ];
    for (const [args, message] of wrong) expect(() => parseSimulatedOptions(args)).toThrow(message);
    writeFileSync(clients, '[]');
    expect(() => parseSimulatedOptions(good)).toThrow('cannot be read as a list of clients');
  });
});
