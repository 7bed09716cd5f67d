// The file system itself refuses: no stand-in inside of SQLite, and no rights beyond those of an ordinary user needed.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { nextChange, open, streamId, withFolder } from './support.ts';

const script = fileURLToPath(new URL('./media-child.ts', import.meta.url));
/** A process takes its time to start on a busy machine. */
const patience = 60_000;
const node = [process.execPath, '--conditions=@autopilot/source', script];

function runChild(command: readonly string[]): unknown {
  const [program = '', ...rest] = command;
  const { status, stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The child ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

describe('a medium that refuses', () => {
  test(
    'I13 a write that the system refuses is a typed error, loses nothing, and works when the system lets it',
    async () => {
      await withFolder(async (folder) => {
        const file = path.join(folder, 'sync.sqlite');
        // The largest size of a file, in blocks of 512 or 1024 bytes: the log of the database meets it.
        const met = runChild(['sh', '-c', 'ulimit -f 1000; exec "$@"', 'sh', ...node, 'write', file]);
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
    },
    patience,
  );

  test(
    'I13 a folder or a file that may not be written to is refused and left as it is',
    async () => {
      await withFolder(async (root) => {
        const modes = { folder: [0o555, 0o644], file: [0o777, 0o444] } as const;
        const places = Object.entries(modes).map(([name, [folderMode, fileMode]]) => {
          const folder = path.join(root, name);
          return { folder, file: path.join(folder, 'sync.sqlite'), folderMode, fileMode };
        });
        const setModes = (folder: string, folderMode: number, fileMode: number) => {
          fs.chmodSync(folder, 0o755);
          for (const name of fs.readdirSync(folder)) fs.chmodSync(path.join(folder, name), fileMode);
          fs.chmodSync(folder, folderMode);
        };
        const contents = () =>
          places.map(({ folder }) =>
            fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name), 'hex')]),
          );
        for (const { file } of places) {
          const store = await open(file);
          store.commit([nextChange(store, 3)]);
          await store.close();
        }
        const before = contents();
        // The folder of the test itself is for its owner alone.
        fs.chmodSync(root, 0o755);
        for (const { folder, folderMode, fileMode } of places) setModes(folder, folderMode, fileMode);
        expect(runChild([...node, 'open', ...places.map(({ file }) => file)])).toEqual(['read_only', 'read_only']);
        for (const { folder } of places) setModes(folder, 0o755, 0o644);
        expect(contents()).toEqual(before);
        for (const { file } of places) {
          const store = await open(file);
          expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 3 });
          await store.close();
        }
      });
    },
    patience,
  );
});
