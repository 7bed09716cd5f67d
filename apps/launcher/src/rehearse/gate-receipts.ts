import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type DsseEnvelope, type GateId, type TrustedKey, verifyReceipt } from '@autopilot/cutover-flags';
import { LaunchError } from '../errors.ts';
import { runToEnd } from './run-to-end.ts';

/** What CI has: the receipts of the packages' own gates, and the keys that signed them. */
export interface GateReceipts {
  readonly envelopes: readonly DsseEnvelope[];
  readonly keys: readonly TrustedKey[];
}

/** The gates that a receipt is needed of; the bridge has none before it is there. */
export const wantedGates: readonly GateId[] = [
  'replay-determinism',
  'duplicate-delivery',
  'stale-cursor-recovery',
  'token-refresh',
  'lane-conformance',
  'rulebook',
  'router-handover',
];

const root = path.join(import.meta.dirname, '..', '..', '..', '..');
const freshMs = 24 * 3_600_000;

/**
 * Takes the receipts of a folder, or those of the repository: when one of these is missing, has not passed or is older
 * than a day, the gates are run first.
 *
 * @throws {LaunchError} `usage` when a folder that was named does not hold them, `gates_failed` when the run ends so.
 */
export async function gateReceipts(
  folder: string | undefined,
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<GateReceipts> {
  if (folder !== undefined) {
    const given = read(globSync('**/*.dsse.json', { cwd: folder }), path.join(folder, 'trusted-keys.json'), folder);
    const missing = lacking(given);
    if (missing.length === 0) return given;
    throw new LaunchError('usage', `--receipts ${folder} has no good receipt of ${missing.join(', ')}.`);
  }
  const kept = readRepository();
  if (lacking(kept).length === 0) return kept;
  progress(`running the gates: ${lacking(kept).join(', ')} missing, not passed or too old`);
  await runGates(progress, signal);
  const fresh = readRepository();
  const missing = lacking(fresh);
  if (missing.length === 0) return fresh;
  throw new LaunchError('gates_failed', `No good receipt of ${missing.join(', ')} after the gates ran.`);
}

function readRepository(): GateReceipts {
  const files = globSync(['packages/*/.gate/*.dsse.json', 'apps/*/.gate/*.dsse.json'], { cwd: root });
  return read(files, path.join(root, '.gate', 'trusted-keys.json'), root);
}

function read(files: readonly string[], keysFile: string, cwd: string): GateReceipts {
  if (!existsSync(keysFile)) return { envelopes: [], keys: [] };
  const { keys } = JSON.parse(readFileSync(keysFile, 'utf8')) as { keys: readonly TrustedKey[] };
  const envelopes = [...files]
    .sort()
    .map((file) => JSON.parse(readFileSync(path.join(cwd, file), 'utf8')) as DsseEnvelope);
  return { envelopes: envelopes.filter((envelope) => isBelieved(envelope, keys)), keys };
}

function isBelieved(envelope: DsseEnvelope, keys: readonly TrustedKey[]): boolean {
  try {
    verifyReceipt(envelope, keys);
    return true;
  } catch {
    return false;
  }
}

function lacking({ envelopes, keys }: GateReceipts): readonly GateId[] {
  const good = new Set(
    envelopes
      .map((envelope) => verifyReceipt(envelope, keys).observation)
      .filter(({ verdict, observed_to }) => verdict === 'pass' && Date.now() - observed_to < freshMs)
      .map(({ gate }) => gate),
  );
  return wantedGates.filter((gate) => !good.has(gate));
}

async function runGates(progress: (text: string) => void, signal: AbortSignal): Promise<void> {
  const args = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', 'tools/gate/main.ts'];
  const line = (text: string) => progress(`   ${text}`);
  await runToEnd({ command: process.execPath, args, cwd: root, line, signal });
}
