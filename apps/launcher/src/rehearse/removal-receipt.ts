import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { createReceipt, type DsseEnvelope, type SigningKey, type TrustedKey } from '@autopilot/cutover-flags';
import { nodeFileTree, type RemovalResult, removalObservation, scanForLane } from '@autopilot/cutover-flags/removal';
import { systemPorts } from '@autopilot/sync-contract/system-ports';

/** A key of this rehearsal that may speak for the gate `removal` only. */
export interface RemovalKey {
  readonly signing: SigningKey;
  readonly trusted: TrustedKey;
}

export function createRemovalKey(): RemovalKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keyid = 'rehearsal-removal';
  return {
    signing: { keyid, jwk: privateKey.export({ format: 'jwk' }) },
    trusted: { keyid, jwk: publicKey.export({ format: 'jwk' }), gates: ['removal'] },
  };
}

const root = path.join(import.meta.dirname, '..', '..', '..', '..');

/** What carries events when khala is gone. Apps and documents speak of it until it is: `pnpm stage3` looks at all. */
const staying = [
  ...['sync-contract', 'session', 'apply-engine', 'checkpoint', 'spacetime-embedded'].map((name) => `packages/${name}`),
  'modules/autopilot-sync',
];

/** Copies the sources that stay into a tree without the legacy lane. */
export function treeWithoutLane(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const part of staying) {
    cpSync(path.join(root, part), path.join(folder, part), {
      recursive: true,
      filter: (source) => !['node_modules', 'dist', '.turbo', '.gate'].includes(path.basename(source)),
    });
  }
  return folder;
}

/** Looks through a tree as `cutover verify --stage 3` does. */
export function scanTree(folder: string): Promise<RemovalResult> {
  return scanForLane(nodeFileTree(folder), { clock: systemPorts.clock });
}

/** The scan of the repository as it is, with the lane in it: it must not pass. */
export function scanWithLane(): Promise<RemovalResult> {
  return scanTree(path.join(root, 'packages', 'legacy-lane'));
}

/** The scan as a signed receipt. `packages`: name to version of what is in use. */
export function removalReceipt(
  result: RemovalResult,
  packages: Readonly<Record<string, string>>,
  key: RemovalKey,
): DsseEnvelope {
  const environment = { packages, commit: null, module_schema: null, protocols: [] };
  return createReceipt(removalObservation(result, environment), key.signing);
}
