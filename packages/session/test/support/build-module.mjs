// Before all test files: the modules are built once, out of their sources as they are, instead of by every file for itself.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildBundle } from '@autopilot/autopilot-sync/bundle';
import { build } from 'esbuild';

// biome-ignore lint/style/noDefaultExport: it is what jest calls
export default async function buildModule() {
  const folder = mkdtempSync(path.join(tmpdir(), 'session-module-'));
  const file = path.join(folder, 'bundle.js');
  writeFileSync(file, await buildBundle());
  const other = path.join(folder, 'other.js');
  await build({
    entryPoints: [path.join(import.meta.dirname, '..', 'fixtures', 'scores.ts')],
    outfile: other,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    conditions: ['production', 'import', 'default'],
    external: ['spacetime:sys*'],
    logLevel: 'silent',
  });
  process.env.SESSION_TEST_MODULE = file;
  process.env.SESSION_OTHER_MODULE = other;
}
