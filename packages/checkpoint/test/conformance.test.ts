import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkpointConformance, type StoreUnderTest } from '../src/conformance.ts';
import { makeFolder, open, removeFolder, scope } from './support.ts';

async function sqliteStore(): Promise<StoreUnderTest> {
  const folder = makeFolder();
  const file = path.join(folder, 'sync.sqlite');
  return {
    open: (account, limits) => open(file, { scope: { ...scope, account }, ...limits }),
    dispose: async () => removeFolder(folder),
  };
}

checkpointConformance({ describe, test, expect }, 'the SQLite store', sqliteStore);
