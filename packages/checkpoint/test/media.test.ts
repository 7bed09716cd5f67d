// The file system itself refuses: no stand-in inside of SQLite, and no rights beyond those of an ordinary user needed.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { nextChange, open, streamId, withFolder } from './support.ts';

const script = fileURLToPath(new URL('./media-child.ts', import.meta.url));
const node = [process.execPath, '--conditions=@autopilot/source', script];

function runChild(command: readonly string[]): unknown {
  const [program = '', ...rest] = command;
  const { status, stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The child ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

describe('a medium that refuses', () => {
  test('I13 a write that the system refuses is a typed error, loses nothing, and works when the system lets it', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      // The largest size of a file, in blocks of 512 or 1024 bytes: the log of the database meets it.
      const met = runChild(['sh', '-c', 'ulimit -f 1000; exec "$@"', 'sh', ...node, file, 'write']);
      const failure = { code: 'io_error', native: expect.stringMatching(/^SQLITE_IOERR/) };
      expect(met).toMatchObject({ failed: failure, again: failure, refused: 2, verified: 'consistent' });
      const { seq } = met as { seq: string };
      expect(Number(seq)).toBeGreaterThan(10);
      const store = await open(file);
      expect(store.recovered).toBeUndefined();
      expect(`${store.load(streamId)?.seq}`).toBe(seq);
      store.commit([nextChange(store, 500, 500)]);
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: Number(seq) + 500 });
      await store.close();
    });
  });

  test.each([
    ['folder', 0o555, 0o644],
    ['file', 0o777, 0o444],
  ])('I13 a %s that may not be written to is refused and left as it is', async (_what, folderMode, fileMode) => {
    await withFolder(async (root) => {
      const folder = path.join(root, 'store');
      const file = path.join(folder, 'sync.sqlite');
      const store = await open(file);
      store.commit([nextChange(store, 3)]);
      await store.close();
      const files = () => fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name))]);
      const before = files();
      fs.chmodSync(root, 0o755);
      for (const name of fs.readdirSync(folder)) fs.chmodSync(path.join(folder, name), fileMode);
      fs.chmodSync(folder, folderMode);
      expect(runChild([...node, file, 'open'])).toEqual({ code: 'read_only' });
      fs.chmodSync(folder, 0o755);
      expect(files()).toEqual(before);
      for (const name of fs.readdirSync(folder)) fs.chmodSync(path.join(folder, name), 0o644);
      const again = await open(file);
      expect(again.verify(streamId)).toEqual({ outcome: 'consistent', events: 3 });
      await again.close();
    });
  });
});
