import { open, readFile, rename } from 'node:fs/promises';
import type { PolicyFiles } from '@autopilot/cutover-flags';

/** The cached policy in one file: the old one or the new one, never half of it. */
export function policyFile(file: string): PolicyFiles {
  return {
    async read() {
      try {
        return await readFile(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    async write(bytes) {
      const next = `${file}.next`;
      const handle = await open(next, 'w', 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(next, file);
    },
  };
}

/** A cache that is gone with the process. */
export function policyInMemory(): PolicyFiles {
  let kept: Uint8Array | null = null;
  return {
    read: async () => kept,
    write: async (bytes) => {
      kept = bytes;
    },
  };
}
