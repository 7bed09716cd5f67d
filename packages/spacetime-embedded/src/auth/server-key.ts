import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HostError } from '../errors.ts';
import { privateDirectory, privateFile } from '../private-mode.ts';

/** The ES256 key with which the host signs its own tokens. */
export interface ServerKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicPem: string;
}

/**
 * Reads the key file, creating it (mode 0600) when there is none. Without a path the key lives as long as the process.
 *
 * @throws {HostError} `key_unusable` for a file that is not such a key; `data_dir_unusable` when it cannot be read or
 * written.
 */
export function loadServerKey(path: string | undefined): ServerKey {
  const known = path === undefined ? undefined : readKey(path);
  if (known !== undefined) return known;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (path !== undefined) {
    writeSecret(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  }
  return withPublicHalf(privateKey);
}

/**
 * Writes a file that only this user may read, without ever overwriting one.
 *
 * @throws {HostError} `data_dir_unusable`.
 */
export function writeSecret(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: privateDirectory });
    writeFileSync(path, text, { mode: privateFile, flag: 'wx', flush: true });
  } catch (cause) {
    throw new HostError('data_dir_unusable', `The file ${path} cannot be written.`, { cause });
  }
}

/**
 * The text of a file; undefined when there is none.
 *
 * @throws {HostError} `data_dir_unusable`.
 */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HostError('data_dir_unusable', `The file ${path} cannot be read.`, { cause });
  }
}

function readKey(path: string): ServerKey | undefined {
  const pem = readIfThere(path);
  if (pem === undefined) return undefined;
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyDetails?.namedCurve === 'prime256v1') return withPublicHalf(privateKey);
  } catch (cause) {
    throw new HostError('key_unusable', `The file ${path} is not a private key.`, { cause });
  }
  throw new HostError('key_unusable', `The key in ${path} is not on the curve P-256.`);
}

function withPublicHalf(privateKey: KeyObject): ServerKey {
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}
