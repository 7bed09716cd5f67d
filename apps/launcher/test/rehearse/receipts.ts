import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createReceipt, type GateId, type SigningKey, type TrustedKey } from '@autopilot/cutover-flags';

/** Writes a folder for `--receipts` with receipts of these gates, as `pnpm gate` would leave them. */
export function writeReceipts(folder: string, gates: readonly GateId[]): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const signing: SigningKey = { keyid: 'test', jwk: privateKey.export({ format: 'jwk' }) };
  const trusted: TrustedKey = { keyid: 'test', jwk: publicKey.export({ format: 'jwk' }), gates };
  const now = Date.now();
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'trusted-keys.json'), JSON.stringify({ keys: [trusted] }));
  for (const gate of gates) {
    const envelope = createReceipt(
      {
        ...{ gate, verdict: 'pass', reason: 'All cases passed.', observed_from: now - 1000, observed_to: now },
        ...{ counts: { cases: 10, failed: 0, skipped: 0, events: 100 }, measures: {} },
        environment: { packages: { '@autopilot/desktop': '0.1.0' }, commit: null, module_schema: null, protocols: [] },
      },
      signing,
    );
    writeFileSync(path.join(folder, `${gate}.dsse.json`), JSON.stringify(envelope));
  }
}
