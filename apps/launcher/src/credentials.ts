import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LaunchError } from './errors.ts';

/** The files by which control knows the desktop. */
export interface Credentials {
  readonly clientsFile: string;
  readonly secretFile: string;
  readonly clientId: string;
  readonly secret: string;
}

const clientId = 'desktop';
const privateFile = 0o600;

/**
 * Makes the data folder and, the first time, a secret for the desktop.
 *
 * @throws {LaunchError} `data_dir_unusable`.
 */
export function prepareCredentials(dataDir: string): Credentials {
  const secretFile = path.join(dataDir, 'desktop.secret');
  const clientsFile = path.join(dataDir, 'clients.json');
  try {
    mkdirSync(dataDir, { recursive: true });
    if (!existsSync(secretFile))
      writeFileSync(secretFile, randomBytes(32).toString('base64url'), { mode: privateFile });
    const secret = readFileSync(secretFile, 'utf8').trim();
    const client = {
      client_id: clientId,
      secret_sha256: createHash('sha256').update(secret).digest('hex'),
      subject: 'desktop:local',
      scopes: ['sync.subscribe', 'sync.checkpoint.write', 'sync.presence', 'sync.project'],
      streams: ['runtime.*'],
      // It publishes what its agent does, and reads it back like any other reader.
      role: 'writer',
    };
    writeFileSync(clientsFile, `${JSON.stringify({ clients: [client] }, null, 2)}\n`, { mode: privateFile });
    return { clientsFile, secretFile, clientId, secret };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LaunchError('data_dir_unusable', `The data folder ${dataDir} cannot be used: ${why}`, { cause });
  }
}
