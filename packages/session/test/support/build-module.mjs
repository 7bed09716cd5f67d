// Before all test files: the module is built once, out of its sources as they are, instead of by every file for itself.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildBundle } from '@autopilot/autopilot-sync/bundle';

// biome-ignore lint/style/noDefaultExport: it is what jest calls
export default async function buildModule() {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'session-module-')), 'bundle.js');
  writeFileSync(file, await buildBundle());
  process.env.SESSION_TEST_MODULE = file;
}
