import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { describeIssues } from '../config/describe-issues.ts';
import { ControlError } from '../errors.ts';

const relay = z.string().regex(/^wss?:\/\/\S+$/, 'must be a ws:// or wss:// address');

const schema = z.strictObject({
  relays: z.array(relay).min(1).max(20),
  /** Of the configuration's folder, unless it is absolute: 64 hex digits. */
  secret_key_file: z.string().min(1),
  quorum: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('all') }),
      z.strictObject({ type: z.literal('majority') }),
      z.strictObject({ type: z.literal('count'), count: z.int().min(1) }),
      z.strictObject({ type: z.literal('any-of'), relays: z.array(relay).min(1), count: z.int().min(1) }),
    ])
    .optional(),
  /** Kinds of NIP-90 that it takes from Nostr when somebody on the lane computes them. */
  kinds: z.array(z.int().min(5_000).max(5_999)).max(100).default([]),
  /** Of one processor, for its process; a tenth where it is not said. */
  processor_share: z.number().gt(0).max(1).optional(),
  /** What it says of itself by NIP-89. */
  profile: z.record(z.string(), z.json()).optional(),
});

/** What control is told of its bridge to Nostr. */
export interface BridgeConfig extends Omit<z.infer<typeof schema>, 'secret_key_file'> {
  /** 32 bytes. */
  readonly secretKey: Uint8Array;
}

/**
 * Reads the configuration of a bridge and the key that it names.
 *
 * @throws {ControlError} `bridge_config_invalid` naming what is wrong; the key is never in a message.
 */
export function readBridgeConfig(file: string): BridgeConfig {
  const parsed = schema.safeParse(parse(file, read(file)));
  if (!parsed.success) throw refuse(`${file} is wrong: ${describeIssues(parsed.error)}.`);
  const { secret_key_file, ...config } = parsed.data;
  const keyFile = path.resolve(path.dirname(file), secret_key_file);
  const hex = read(keyFile).trim();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw refuse(`${keyFile} does not hold a key of 64 lowercase hex digits.`);
  return { ...config, secretKey: Buffer.from(hex, 'hex') };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw refuse(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, cause);
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse(`${file} is not JSON.`, cause);
  }
}

function refuse(message: string, cause?: unknown): ControlError {
  return new ControlError('bridge_config_invalid', `The configuration of the bridge: ${message}`, { cause });
}
