import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseCutoverConfig } from '@autopilot/cutover-flags';
import { waitFor } from '@autopilot/testing';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { claimablePort } from '../../src/free-port.ts';
import { controlEntry, desktopEntry, hostPart, ownerIdentity } from '../../src/lane-parts.ts';
import { type Part, type PartSpec, startPart } from '../../src/part.ts';
import { type Clients, prepareClients } from '../../src/rehearse/clients.ts';
import { type ControlApi, createControlApi } from '../../src/rehearse/control-api.ts';
import { readReal, readSimulated, type UnitReport } from '../../src/rehearse/fleet.ts';
import { differences } from '../../src/rehearse/measure.ts';
import { createPublisher, type Publisher } from '../../src/rehearse/publisher.ts';

jest.setTimeout(300_000);

const database = 'autopilot-sync';
const streams = 4;

/** The default configuration, with nothing between Stage 2 and 3 that needs days or CI. */
const config = {
  ...parseCutoverConfig({ schema: 'autopilot.cutover-config.v1' }),
  steps: {
    ...parseCutoverConfig({ schema: 'autopilot.cutover-config.v1' }).steps,
    enter_3: { gates: [], conditions: ['target', 'binding', 'no-fallback'] },
  },
  cooldown: { after_flip_ms: 0, after_rollback_ms: 0 },
};

describe('without khala', () => {
  const parts: Part[] = [];
  const lines: string[] = [];
  /** What came to the place of khala: it must stay empty. */
  const heard: string[] = [];
  let dataDir: string;
  let trap: Server;
  let clients: Clients;
  let api: ControlApi;
  let publisher: Publisher;
  let urls: { simulated: string; real: string };
  const ended = new AbortController();

  const start = async (spec: PartSpec): Promise<string> => {
    const log = (line: string) => {
      if (lines.push(`[${spec.name}] ${line}`) > 40) lines.shift();
    };
    const part = await startPart(spec, { log, readyWithinMs: 120_000, graceMs: 10_000 });
    parts.push(part);
    return part.ready.url;
  };

  beforeAll(async () => {
    dataDir = mkdtempSync(path.join(tmpdir(), 'no-khala-'));
    trap = createServer((socket) => {
      heard.push('a connection');
      socket.on('data', (data) => heard.push(String(data).slice(0, 200)));
      socket.on('error', () => {});
      socket.destroy();
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const khala = ['--khala', `http://127.0.0.1:${(trap.address() as AddressInfo).port}`];
    clients = prepareClients(dataDir);
    const configFile = path.join(dataDir, 'config.json');
    writeFileSync(configFile, JSON.stringify(config));
    const [hostPort, controlPort] = [await claimablePort(0, ''), await claimablePort(0, '')];
    const issuer = `http://127.0.0.1:${controlPort}`;
    const spacetime = await start(hostPart({ dataDir, database, port: hostPort, owner: await ownerIdentity(issuer) }));
    await start({
      name: 'control',
      entry: controlEntry,
      args: [
        ...['--listen', `127.0.0.1:${controlPort}`, '--issuer', issuer, '--data-dir', path.join(dataDir, 'control')],
        ...['--clients', clients.file, '--spacetime', spacetime, '--database', database, '--ready-json'],
        ...['--cutover-config', configFile, '--heartbeat-ms', '2000'],
      ],
    });
    api = createControlApi(issuer, 'no-khala');
    publisher = createPublisher(issuer, clients.publisher, ended.signal);
    const common = ['--control', issuer, ...khala, '--heartbeat-ms', '1000', '--ready-json'];
    const folder = path.join(dataDir, 'simulated');
    mkdirSync(folder);
    const simulated = await start({
      name: 'simulated',
      entry: path.join(path.dirname(desktopEntry), 'simulated-main.ts'),
      args: ['--units', '3', '--clients', clients.simulatedFile, '--data-dir', folder, ...common],
    });
    const [me] = clients.real;
    if (me === undefined) throw new Error('there is no real client');
    const real = await start({
      name: 'desktop',
      entry: desktopEntry,
      args: [
        ...['--listen', '127.0.0.1:0', '--data-dir', path.join(dataDir, 'real'), ...common],
        ...['--client-id', me.id, '--client-secret-file', me.secretFile],
      ],
    });
    urls = { simulated, real };
  });

  afterAll(async () => {
    ended.abort();
    for (const part of parts.toReversed()) await part.stop();
    await new Promise((resolve) => trap?.close(resolve));
    rmSync(dataDir, { recursive: true, force: true });
  });

  const units = async (): Promise<UnitReport[]> => [
    ...(await readSimulated(urls.simulated)),
    await readReal(urls.real),
  ];

  async function publishAndApply(from: number, stage: number): Promise<void> {
    const events = Array.from({ length: 400 }, (_, index) => ({
      topic: `run:no-khala-${index % streams}`,
      kind: 'item/completed',
      payload: { n: from + index, text: 'x' },
      idempotency_key: `key-${from + index}`,
    }));
    await publisher.publish(events);
    const heads = publisher.heads();
    let seen: UnitReport[] = [];
    await waitFor(
      async () => {
        seen = await units();
        return seen.every(
          ({ streams: held, stage: at }) =>
            at === stage && heads.every(({ stream_id, count }) => held.get(stream_id)?.seq === count),
        );
      },
      {
        timeoutMs: 90_000,
        describe: () =>
          `${JSON.stringify(seen.map(({ unit, stage: at, applied }) => ({ unit, at, applied })))}\n${lines.join('\n')}`,
      },
    );
    expect(differences(publisher, seen)).toEqual([]);
    expect(seen.map(({ lane, khala }) => ({ lane, khala }))).toEqual(
      seen.map(() => ({ lane: 'spacetime', khala: false })),
    );
  }

  test('Stage 2 as it is by default reads spacetime alone: nothing is heard in the place of khala', async () => {
    await publishAndApply(0, 2);
    expect((await units()).map(({ rule }) => rule)).toEqual(['S2.1', 'S2.1', 'S2.1', 'S2.1']);
    expect(heard).toEqual([]);
  });

  test('nor in Stage 3, after a flip under way of which events went on', async () => {
    const [anna, bert, cleo] = clients.operators;
    const { body } = await api.command(anna, 'requests', 'No khala.', { to: 3 });
    expect(body).toMatchObject({ id: expect.any(String) });
    for (const by of [bert, cleo]) {
      const { body: at } = await api.ask(anna, 'GET', '/v1/cutover/state');
      const { plan_digest } = at.state.flip;
      expect(await api.command(by, `requests/${body.id}/approvals`, 'Looked at.', { plan_digest })).toMatchObject({
        status: 200,
      });
    }
    expect(await api.command(anna, `requests/${body.id}/advance`, 'Go.')).toMatchObject({ status: 200 });
    await publishAndApply(400, 3);
    const { body: at } = await api.ask(anna, 'GET', '/v1/cutover/state');
    expect(at.state).toMatchObject({ stage: 3 });
    expect((await units()).map(({ rule }) => rule)).toEqual(['S3.1', 'S3.1', 'S3.1', 'S3.1']);
    expect(heard).toEqual([]);
  });

  test('the listener hears a connection when there is one', async () => {
    const { port } = trap.address() as AddressInfo;
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    expect(heard.length).toBeGreaterThan(0);
  });
});
