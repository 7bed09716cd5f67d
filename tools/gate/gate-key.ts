import { createHash, createPrivateKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { GateId } from '../../packages/cutover-flags/src/gates/gate.ts';
import type { SigningKey, TrustedKey } from '../../packages/cutover-flags/src/gates/keys.ts';

/** Names the file that holds the signing key as a private JWK. */
const keyFileVariable = 'AUTOPILOT_GATE_KEY_FILE';

/** Names the folder of the own key and of the trusted ones, when it is not `.gate` of the repository. */
const keyFolderVariable = 'AUTOPILOT_GATE_FOLDER';

/** The gates that are runs of tests and builds. Parity and the drill are spoken for by control, which sees traffic. */
const spokenFor: readonly GateId[] = [
  'replay-determinism',
  'duplicate-delivery',
  'stale-cursor-recovery',
  'token-refresh',
  'bridge-isolation',
  'lane-conformance',
  'rulebook',
  'router-handover',
  'removal',
];

/**
 * The key that signs receipts: the one that the environment names, or else `.gate/key.json` of the repository, which is
 * made at the first use. Its public part is written to `.gate/trusted-keys.json`.
 *
 * @throws {Error} when the file is not a private JWK of Ed25519 or P-256.
 */
export function signingKey(root: string, env: NodeJS.ProcessEnv): SigningKey {
  const folder = keyFolder(root, env);
  mkdirSync(folder, { recursive: true });
  const own = path.join(folder, 'key.json');
  const named = env[keyFileVariable];
  if (named === undefined && !existsSync(own)) makeKey(own);
  const file = named ?? own;
  const key = readKey(file);
  const trusted = `${JSON.stringify({ keys: [publicPart(key)] }, null, 2)}\n`;
  const target = path.join(folder, 'trusted-keys.json');
  // Written only when it changes: it is an input of the cached gates.
  if (!existsSync(target) || readFileSync(target, 'utf8') !== trusted) writeWhole(target, trusted);
  return key;
}

/** The keys whose receipts are believed here. @throws {Error} when there is no such file yet. */
export function trustedKeys(root: string, env: NodeJS.ProcessEnv): readonly TrustedKey[] {
  const { keys } = JSON.parse(readFileSync(path.join(keyFolder(root, env), 'trusted-keys.json'), 'utf8'));
  return keys as TrustedKey[];
}

function keyFolder(root: string, env: NodeJS.ProcessEnv): string {
  return env[keyFolderVariable] ?? path.join(root, '.gate');
}

function publicPart({ keyid, jwk }: SigningKey): TrustedKey {
  const { kty, crv, x, y } = jwk;
  return { keyid, jwk: y === undefined ? { kty, crv, x } : { kty, crv, x, y }, gates: spokenFor } as TrustedKey;
}

function readKey(file: string): SigningKey {
  let jwk: JsonWebKey;
  try {
    jwk = JSON.parse(readFileSync(file, 'utf8'));
    createPrivateKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw new Error(`${file} is not a private key as a JWK. Delete it, or name another one in ${keyFileVariable}.`, {
      cause,
    });
  }
  if (jwk.crv !== 'Ed25519' && jwk.crv !== 'P-256') throw new Error(`${file}: the key has to be of Ed25519 or P-256.`);
  return { keyid: thumbprint(jwk), jwk };
}

/** RFC 7638. */
function thumbprint({ kty, crv, x, y }: JsonWebKey): string {
  const members = y === undefined ? { crv, kty, x } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

/** Several packages may need the key at the same moment: the first one to link its file has made it. */
function makeKey(file: string): void {
  const { privateKey } = generateKeyPairSync('ed25519');
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(privateKey.export({ format: 'jwk' }))}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
}

/** A reader sees the old file or the new one, never a part. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}
