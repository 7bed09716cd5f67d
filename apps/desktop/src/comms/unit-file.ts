import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Random } from '@autopilot/sync-contract';
import { z } from 'zod';

/** Who this desktop is in a rollout, for as long as its data folder lives. */
export interface UnitIdentity {
  readonly unit: string;
  /** The installation it belongs to, as its control first named it; null before that. */
  readonly deployment: string | null;
}

/** Where the identity is kept. */
export interface UnitFile {
  readonly identity: UnitIdentity;
  /** Remembers the installation; the first one stays. */
  pin(deployment: string): void;
}

const schema = z.strictObject({
  unit: z.string().regex(/^[A-Za-z0-9._-]{1,200}$/),
  deployment: z.string().min(1).max(200).nullable(),
});

/**
 * The identity in a file, made when there is none. A file that cannot be read gets a new identity: the share of a
 * rollout is then drawn anew for this desktop, which nobody but it notices.
 */
export function openUnitFile(file: string, random: Random): UnitFile {
  let identity = read(file);
  if (identity === undefined) {
    identity = { unit: `desktop-${Buffer.from(random.bytes(12)).toString('hex')}`, deployment: null };
    write(file, identity);
  }
  let current = identity;
  return {
    get identity() {
      return current;
    },
    pin(deployment) {
      if (current.deployment !== null) return;
      current = { ...current, deployment };
      write(file, current);
    },
  };
}

/** An identity that is given and lives in memory only. */
export function memoryUnit(unit: string): UnitFile {
  let deployment: string | null = null;
  return {
    get identity() {
      return { unit, deployment };
    },
    pin(name) {
      deployment ??= name;
    },
  };
}

function read(file: string): UnitIdentity | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function write(file: string, identity: UnitIdentity): void {
  const next = `${file}.next`;
  writeFileSync(next, `${JSON.stringify(identity)}\n`, { mode: 0o600 });
  renameSync(next, file);
}
