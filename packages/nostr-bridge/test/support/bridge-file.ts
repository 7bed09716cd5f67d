import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isCodedError } from '@autopilot/sync-contract';
import { type BridgeFile, type BridgeFileOptions, openBridgeFile } from '../../src/index.ts';

/** A file system in memory, where there is one: what is tried here needs files and processes, and no disk. */
const inMemory = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();

/** Runs a test in a folder of its own. */
export async function withFolder(body: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = fs.mkdtempSync(path.join(inMemory, 'nostr-bridge-'));
  try {
    await body(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a test on a file of its own. */
export async function withFile(
  body: (file: BridgeFile, name: string) => Promise<void> | void,
  options: Partial<BridgeFileOptions> = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const name = path.join(folder, 'bridge.sqlite');
    const file = await openBridgeFile({ file: name, as: 'owner', ...options });
    try {
      await body(file, name);
    } finally {
      file.close();
    }
  });
}

/** The code of the error of a call or promise; `nothing thrown` when there is none. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return isCodedError(error) ? error.code : `no code: ${String(error)}`;
  }
  return 'nothing thrown';
}
