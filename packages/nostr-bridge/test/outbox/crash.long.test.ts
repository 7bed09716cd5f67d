import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { startRelay } from '@autopilot/testing/nostr';
import { describe, expect, test } from '@jest/globals';
import { OutboxStore, openBridgeFile } from '../../src/index.ts';
import { codeOf, withFolder } from '../support/bridge-file.ts';

const count = 40;

/** A child that publishes, and the lines it has written. */
function startChild(file: string, urls: readonly string[]): { child: ChildProcess; lines: () => string[] } {
  const script = path.join(import.meta.dirname, 'crash-child.ts');
  const args = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', script, file, `${count}`];
  const child = spawn(process.execPath, [...args, ...urls], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return { child, lines: () => text.split('\n').slice(0, -1) };
}

describe('a bridge that is killed', () => {
  test('O1 O5 sends every event to every relay in the end, each under the one id it had from the first', async () => {
    const relays = [await startRelay(), await startRelay()];
    try {
      await withFolder(async (folder) => {
        const file = path.join(folder, 'bridge.sqlite');
        const ids = new Map<string, string>();
        let lives = 0;
        const note = (lines: readonly string[]) => {
          for (const line of lines) {
            const [what, number = '', id = ''] = line.split(' ');
            if (what !== 'stored') continue;
            expect(ids.get(number) ?? id).toBe(id);
            ids.set(number, id);
          }
        };
        // Killed while it begins, stores, sends, and waits for answers.
        for (const after of [1, 8, 20, 30, 41]) {
          const { child, lines } = startChild(
            file,
            relays.map(({ url }) => url),
          );
          const ended = once(child, 'close');
          try {
            await waitFor(() => lines().length >= after, {
              describe: () => `${after} of ${lines().length} lines`,
              timeoutMs: 60_000,
            });
            expect(await codeOf(() => openBridgeFile({ file, as: 'owner' }))).toBe('locked');
          } finally {
            child.kill('SIGKILL');
            await ended;
          }
          note(lines());
          lives += 1;
        }
        const { child, lines } = startChild(
          file,
          relays.map(({ url }) => url),
        );
        const ended = once(child, 'close');
        try {
          await waitFor(() => relays.every((relay) => relay.stored().length >= count), {
            describe: 'every event',
            timeoutMs: 60_000,
          });
          const observer = await openBridgeFile({ file, as: 'observer' });
          const store = new OutboxStore(observer, systemPorts.clock);
          await waitFor(() => store.standings().reached === count, {
            describe: () => JSON.stringify(store.standings()),
            timeoutMs: 60_000,
          });
          observer.close();
        } finally {
          child.kill('SIGKILL');
          await ended;
        }
        note(lines());
        expect([lives, ids.size, new Set(ids.values()).size]).toEqual([5, count, count]);
        for (const relay of relays) {
          // Not one event that was built a second time.
          expect(
            relay
              .stored()
              .map(({ id }) => id)
              .sort(),
          ).toEqual([...ids.values()].sort());
          expect([...relay.received.keys()].sort()).toEqual([...ids.values()].sort());
        }
      });
    } finally {
      for (const relay of relays) await relay.close();
    }
  }, 240_000);
});
