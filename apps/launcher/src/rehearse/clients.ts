import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from './client.ts';

/** The defects that are seeded, each on streams of its own. */
export const defectNames = ['divergence', 'loss', 'duplicate', 'foreign event'] as const;
export type DefectName = (typeof defectNames)[number];

/** What is named after a defect: its client, its desktop and the beginning of its topic. */
export const canaryOf = (name: DefectName): string => `canary-${name.split(' ')[0]}`;

/** Who takes part, by client id. */
export interface Clients {
  readonly file: string;
  readonly publisher: Client;
  readonly observer: Client;
  readonly operators: readonly [Client, Client, Client];
  readonly ci: Client;
  readonly real: readonly Client[];
  /** The file with those that simulated desktops act as in turn. */
  readonly simulatedFile: string;
  readonly canaries: Readonly<Record<DefectName, Client>>;
}

/** Token limits are per client, so many simulated desktops share several. */
const simulatedClients = 8;
const privateFile = { mode: 0o600 } as const;

/** Writes control's clients file and the secrets of everybody who takes part. */
export function prepareClients(dataDir: string): Clients {
  const listed: object[] = [];
  const add = (id: string, scopes: readonly string[], streams: readonly string[], role = 'reader'): Client => {
    const secret = randomBytes(24).toString('base64url');
    const secretFile = path.join(dataDir, `${id}.secret`);
    writeFileSync(secretFile, secret, privateFile);
    const secret_sha256 = createHash('sha256').update(secret).digest('hex');
    listed.push({ client_id: id, secret_sha256, subject: `rehearsal:${id}`, scopes, streams, role });
    return { id, secret, secretFile };
  };
  const reads = ['sync.subscribe', 'sync.checkpoint.write', 'sync.presence'];
  const operates = ['cutover.read', 'cutover.operate'];
  const fleet = ['runtime.run.*'];
  const simulated = Array.from({ length: simulatedClients }, (_, index) => add(`desk-${index}`, reads, fleet));
  const file = path.join(dataDir, 'clients.json');
  const simulatedFile = path.join(dataDir, 'simulated.json');
  const clients: Clients = {
    ...{ file, simulatedFile },
    publisher: add('publisher', ['sync.project', 'sync.subscribe'], ['runtime.*'], 'writer'),
    observer: add('observer', ['sync.subscribe'], fleet),
    operators: [add('anna', operates, []), add('bert', operates, []), add('cleo', operates, [])],
    ci: add('ci', ['cutover.read', 'cutover.submit'], []),
    real: [add('real-1', reads, fleet), add('real-2', reads, fleet)],
    canaries: Object.fromEntries(
      defectNames.map((name) => [name, add(canaryOf(name), reads, [`runtime.${canaryOf(name)}.*`])]),
    ) as Record<DefectName, Client>,
  };
  writeFileSync(file, JSON.stringify({ clients: listed }), privateFile);
  const secrets = simulated.map(({ id, secret }) => ({ client_id: id, secret }));
  writeFileSync(simulatedFile, JSON.stringify(secrets), privateFile);
  return clients;
}
