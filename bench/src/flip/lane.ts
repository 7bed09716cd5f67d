import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type CutoverConfig, defaultCutoverConfig } from '@autopilot/cutover-flags';
import { freePort } from './free-port.ts';
import { inRepository, outputOf, type Part, startPart } from './part.ts';

/** Control as it is run, with a khala to leave and a database to come to. */
export interface Lane {
  readonly control: Part;
  stop(): Promise<void>;
}

/** Clients of the run; the secret of each is its id. */
const scopes: Readonly<Record<string, readonly string[]>> = {
  fleet: ['sync.subscribe', 'sync.project'],
  anna: ['cutover.read', 'cutover.operate'],
  bert: ['cutover.read', 'cutover.operate'],
  cleo: ['cutover.read', 'cutover.operate'],
};

/** Basic credentials of a client of the run. */
export const credentialsOf = (client: string) => `Basic ${Buffer.from(`${client}:${client}`).toString('base64')}`;

/** Two approvals as ever, but no gate and no soak before a flip, and a flip that every single unit has to acknowledge. */
const config: CutoverConfig = {
  ...defaultCutoverConfig,
  steps: {
    ...defaultCutoverConfig.steps,
    enter_1: { gates: [], conditions: ['target', 'binding', 'reverse-path'] },
    enter_2: { gates: [], conditions: ['target', 'binding', 'reverse-path'] },
  },
  flip: { ...defaultCutoverConfig.flip, ack_ratio: 1 },
  cooldown: { after_flip_ms: 0, after_rollback_ms: 0 },
};

/** Starts khala, the embedded database and control, each a process, with their data in `folder`. */
export async function startLane(folder: string, controlOptions: readonly string[]): Promise<Lane> {
  const clientsFile = path.join(folder, 'clients.json');
  const configFile = path.join(folder, 'cutover.json');
  const clients = Object.entries(scopes).map(([id, own]) => {
    const secret_sha256 = hash('sha256', id, 'hex');
    return { client_id: id, secret_sha256, subject: id, scopes: own, streams: ['runtime.*'], role: 'writer' };
  });
  writeFileSync(clientsFile, JSON.stringify({ clients }));
  writeFileSync(configFile, JSON.stringify(config));
  const controlEntry = inRepository('apps', 'control', 'src', 'main.ts');
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const database = 'flip';
  const owner = await outputOf(controlEntry, ['--print-owner-identity', '--issuer', issuer]);
  const bundle = inRepository('modules', 'autopilot-sync', 'dist', 'bundle.js');
  const dataOf = (name: string) => {
    const own = path.join(folder, name);
    mkdirSync(own);
    return own;
  };
  const parts: Part[] = [];
  const start = async (name: string, entry: string, args: readonly string[], node: readonly string[] = []) => {
    const part = await startPart({ name, entry, args: [...args, '--ready-json'], node, folder });
    parts.push(part);
    return part;
  };
  const stop = async () => {
    for (const part of parts.toReversed()) await part.stop();
  };
  try {
    const khala = await start('khala', inRepository('testing', 'src', 'khala-main.ts'), []);
    const host = await start('spacetime', inRepository('packages', 'spacetime-embedded', 'src', 'main.ts'), [
      ...['--module', bundle, '--database', database, '--owner', owner],
      ...['--listen', `127.0.0.1:${await freePort()}`, '--data-dir', dataOf('spacetime')],
    ]);
    const args = [
      ...['--listen', new URL(issuer).host, '--issuer', issuer, '--data-dir', dataOf('control')],
      ...['--clients', clientsFile, '--spacetime', host.url, '--database', database],
      ...['--khala', khala.url, '--cutover-config', configFile],
    ];
    const control = await start('control', controlEntry, args, controlOptions);
    return { control, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
