import { readFileSync } from 'node:fs';
import { gateIds, type SigningKey, type TrustedKey } from '@autopilot/cutover-flags';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { z } from 'zod';
import { describeIssues } from '../config/describe-issues.ts';
import { ControlError } from '../errors.ts';
import { claimMeta } from '../store/meta.ts';
import type { Store } from '../store/open-store.ts';

/** The gates that control runs itself. */
export const ownGates = ['parity', 'parity-null', 'rollback-drill'] as const;

/** One of {@link ownGates}. */
export type OwnGate = (typeof ownGates)[number];

const jwk = z.looseObject({ kty: z.enum(['OKP', 'EC']), crv: z.enum(['Ed25519', 'P-256']), x: z.string() });
const schema = z.strictObject({
  keys: z.array(z.strictObject({ keyid: z.string().min(1).max(200), jwk, gates: z.array(z.enum(gateIds)).min(1) })),
});

/**
 * Reads the keys whose receipts are believed.
 *
 * @throws {ControlError} `gate_keys_invalid`.
 */
export function readGateKeys(path: string): readonly TrustedKey[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ControlError('gate_keys_invalid', `The gate keys file ${path} cannot be read as JSON.`, { cause });
  }
  return parseGateKeys(value, `The gate keys file ${path}`);
}

/** Checks the value of a gate keys file; `name` begins the message of a refusal. */
export function parseGateKeys(value: unknown, name = 'The gate keys file'): readonly TrustedKey[] {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new ControlError('gate_keys_invalid', `${name} is wrong: ${describeIssues(parsed.error)}.`);
  const { keys } = parsed.data;
  if (keys.some((key) => 'd' in key.jwk)) {
    throw new ControlError('gate_keys_invalid', `${name} holds a private key; it is for public ones.`);
  }
  const ids = new Set(keys.map((key) => key.keyid));
  if (ids.size !== keys.length) throw new ControlError('gate_keys_invalid', `${name} names a key twice.`);
  return keys as readonly TrustedKey[];
}

/** Control's own key: what it signs with, and what it believes of it. */
export interface OwnGateKey {
  readonly signing: SigningKey;
  readonly trusted: TrustedKey;
}

/** Opens control's own gate key, made at the first start. It may speak for the gates that control runs, and no others. */
export async function openOwnGateKey(store: Store): Promise<OwnGateKey> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const fresh = await exportJWK(pair.privateKey);
  const stored = JSON.parse(await claimMeta(store, 'cutover_gate_key', JSON.stringify(fresh))) as JWK;
  const { d: _private, ...publicJwk } = stored;
  const keyid = `control:${await calculateJwkThumbprint(publicJwk)}`;
  return {
    signing: { keyid, jwk: stored as SigningKey['jwk'] },
    trusted: { keyid, jwk: publicJwk as TrustedKey['jwk'], gates: ownGates },
  };
}
